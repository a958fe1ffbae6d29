#include "plugin/flags/host_resources.h"

#include <gtest/gtest.h>

#include "api/values.h"

namespace holdfast {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

std::string On(long processors, uint64_t memory_mib,
               absl::string_view given = "") {
  v1::AgentInfo info;
  EXPECT_TRUE(ParseResources(given, &info).ok());
  return FormatResources(HostResources(processors, memory_mib * kMiB, info));
}

TEST(HostResources, LeaveOneGibibyteToTheHost) {
  EXPECT_EQ(On(8, 16384), "cpus:8;mem:15360");
  EXPECT_EQ(On(2, 2048), "cpus:2;mem:1024");
}

TEST(HostResources, LeaveHalfOfASmallHost) {
  EXPECT_EQ(On(1, 2047), "cpus:1;mem:1023");
  EXPECT_EQ(On(1, 512), "cpus:1;mem:256");
}

TEST(HostResources, StandOnlyForWhatWasNotGiven) {
  EXPECT_EQ(On(8, 16384, "cpus:4;disk:10"), "mem:15360");
  EXPECT_EQ(On(8, 16384, "mem(web):64"), "cpus:8");
  EXPECT_EQ(On(8, 16384, "mem(web):64;cpus(db):1"), "");
}

TEST(HostResources, AreThisHosts) {
  const v1::AgentInfo host = DetectResources(v1::AgentInfo());

  ASSERT_EQ(host.resources_size(), 2);
  EXPECT_GE(host.resources(0).value().scalar(), 1);
  EXPECT_GT(host.resources(1).value().scalar(), 0);
}

}  // namespace
}  // namespace holdfast
