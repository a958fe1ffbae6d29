#include "cgroups/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "absl/strings/str_cat.h"

namespace holdfast {
namespace {

using Kind = ControllerPlace::Kind;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> Written(const CgroupLimits& limits,
                                 Controller controller, Kind kind) {
  std::vector<std::string> lines;
  for (const CgroupSetting& setting : SettingsOf(limits, controller, kind)) {
    lines.push_back(absl::StrCat(setting.file, "=", setting.value));
  }
  return lines;
}

TEST(Limits, AreWrittenAsV1WantsThem) {
  const CgroupLimits limits = {
      .cpus = 1.5, .memory_bytes = 64 << 20, .pids = 100};

  EXPECT_THAT(Written(limits, Controller::kCpu, Kind::kV1),
              ElementsAre("cpu.cfs_period_us=100000", "cpu.cfs_quota_us=150000",
                          "cpu.shares=1536"));
  EXPECT_THAT(Written(limits, Controller::kMemory, Kind::kV1),
              ElementsAre("memory.limit_in_bytes=67108864",
                          "memory.memsw.limit_in_bytes=67108864"));
  EXPECT_THAT(Written(limits, Controller::kPids, Kind::kV1),
              ElementsAre("pids.max=100"));
}

TEST(Limits, AreWrittenAsV2WantsThem) {
  const CgroupLimits limits = {
      .cpus = 1.5, .memory_bytes = 64 << 20, .pids = 100};

  EXPECT_THAT(Written(limits, Controller::kCpu, Kind::kV2),
              ElementsAre("cpu.max=150000 100000", "cpu.weight=150"));
  EXPECT_THAT(Written(limits, Controller::kMemory, Kind::kV2),
              ElementsAre("memory.max=67108864", "memory.swap.max=0"));
  EXPECT_THAT(Written(limits, Controller::kPids, Kind::kV2),
              ElementsAre("pids.max=100"));
}

TEST(Limits, AreLiftedWhereUnset) {
  EXPECT_THAT(Written({}, Controller::kCpu, Kind::kV1),
              ElementsAre("cpu.cfs_period_us=100000", "cpu.cfs_quota_us=-1",
                          "cpu.shares=1024"));
  EXPECT_THAT(Written({}, Controller::kMemory, Kind::kV1),
              ElementsAre("memory.limit_in_bytes=-1",
                          "memory.memsw.limit_in_bytes=-1"));
  EXPECT_THAT(Written({}, Controller::kCpu, Kind::kV2),
              ElementsAre("cpu.max=max 100000", "cpu.weight=100"));
  EXPECT_THAT(Written({}, Controller::kMemory, Kind::kV2),
              ElementsAre("memory.max=max", "memory.swap.max=max"));
  EXPECT_THAT(Written({}, Controller::kPids, Kind::kV2),
              ElementsAre("pids.max=max"));
}

TEST(Limits, StayWithinWhatTheKernelTakes) {
  const CgroupLimits least = {.cpus = 0.01};
  const CgroupLimits most = {.cpus = 10000, .pids = ~uint64_t{0}};

  EXPECT_THAT(Written(least, Controller::kCpu, Kind::kV1),
              ElementsAre("cpu.cfs_period_us=100000", "cpu.cfs_quota_us=1000",
                          "cpu.shares=10"));
  EXPECT_THAT(Written(least, Controller::kCpu, Kind::kV2),
              ElementsAre("cpu.max=1000 100000", "cpu.weight=1"));
  EXPECT_THAT(Written(most, Controller::kCpu, Kind::kV1),
              ElementsAre("cpu.cfs_period_us=100000",
                          "cpu.cfs_quota_us=1000000000", "cpu.shares=262144"));
  EXPECT_THAT(Written(most, Controller::kCpu, Kind::kV2),
              ElementsAre("cpu.max=1000000000 100000", "cpu.weight=10000"));
  EXPECT_THAT(Written(most, Controller::kPids, Kind::kV2),
              ElementsAre("pids.max=max"));
}

absl::Status ValidateCpus(double cpus) {
  return ValidateLimits({.cpus = cpus});
}

TEST(Limits, AreRefusedByNameOutsideTheirBounds) {
  for (const double cpus :
       {0.0, -1.0, 0.009, 10001.0, double{NAN}, double{INFINITY}}) {
    const absl::Status status = ValidateCpus(cpus);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << cpus;
    EXPECT_THAT(std::string(status.message()), HasSubstr("cpu limit"));
  }
  const absl::Status memory = ValidateLimits({.memory_bytes = (4 << 20) - 1});
  EXPECT_EQ(memory.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(memory.message()), HasSubstr("memory limit"));
  const absl::Status pids = ValidateLimits({.pids = 0});
  EXPECT_EQ(pids.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(pids.message()), HasSubstr("pids limit"));
}

TEST(Limits, AreTakenAtTheirBounds) {
  EXPECT_TRUE(ValidateLimits({}).ok());
  EXPECT_TRUE(
      ValidateLimits({.cpus = 0.01, .memory_bytes = 4 << 20, .pids = 1}).ok());
  EXPECT_TRUE(ValidateCpus(10000).ok());
}

}  // namespace
}  // namespace holdfast
