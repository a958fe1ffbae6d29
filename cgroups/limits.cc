#include "cgroups/limits.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace holdfast {
namespace {

using Kind = ControllerPlace::Kind;

constexpr double kMinCpus = 0.01;
constexpr double kMaxCpus = 10000;
constexpr uint64_t kMinMemoryBytes = 4 << 20;
// What the kernel can count, /proc/sys/kernel/pid_max at its highest; more
// it refuses.
constexpr uint64_t kMaxPids = 1 << 22;

constexpr int64_t kPeriodUsec = 100000;

int64_t QuotaUsec(double cpus) { return std::llround(cpus * kPeriodUsec); }

// `cpus` of the weight that one cpu has, within the kernel's bounds.
int64_t Weight(double cpus, int64_t of_one, int64_t min, int64_t max) {
  return std::clamp<int64_t>(std::llround(cpus * static_cast<double>(of_one)),
                             min, max);
}

std::vector<CgroupSetting> CpuV1(std::optional<double> cpus) {
  return {
      {.file = "cpu.cfs_period_us", .value = absl::StrCat(kPeriodUsec)},
      {.file = "cpu.cfs_quota_us",
       .value = cpus ? absl::StrCat(QuotaUsec(*cpus)) : "-1"},
      {.file = "cpu.shares",
       .value = absl::StrCat(Weight(cpus.value_or(1), 1024, 2, 262144))},
  };
}

std::vector<CgroupSetting> CpuV2(std::optional<double> cpus) {
  return {
      {.file = "cpu.max",
       .value = absl::StrCat(cpus ? absl::StrCat(QuotaUsec(*cpus)) : "max", " ",
                             kPeriodUsec)},
      {.file = "cpu.weight",
       .value = absl::StrCat(Weight(cpus.value_or(1), 100, 1, 10000))},
  };
}

std::vector<CgroupSetting> MemoryV1(std::optional<uint64_t> bytes) {
  const std::string value = bytes ? absl::StrCat(*bytes) : "-1";
  return {{.file = "memory.limit_in_bytes", .value = value},
          {.file = "memory.memsw.limit_in_bytes",
           .value = value,
           .optional = true}};
}

std::vector<CgroupSetting> MemoryV2(std::optional<uint64_t> bytes) {
  return {{.file = "memory.max", .value = bytes ? absl::StrCat(*bytes) : "max"},
          {.file = "memory.swap.max",
           .value = bytes ? "0" : "max",
           .optional = true}};
}

// The same file on both.
std::vector<CgroupSetting> Pids(std::optional<uint64_t> pids) {
  const bool bounded = pids.has_value() && *pids < kMaxPids;
  return {{.file = "pids.max", .value = bounded ? absl::StrCat(*pids) : "max"}};
}

}  // namespace

absl::Status ValidateLimits(const CgroupLimits& limits) {
  // Negated, so that not-a-number is refused.
  if (limits.cpus && !(*limits.cpus >= kMinCpus && *limits.cpus <= kMaxCpus)) {
    return absl::InvalidArgumentError(absl::StrCat("cpu limit: ", *limits.cpus,
                                                   " cpus is not from ",
                                                   kMinCpus, " to ", kMaxCpus));
  }
  if (limits.memory_bytes && *limits.memory_bytes < kMinMemoryBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("memory limit: ", *limits.memory_bytes,
                     " bytes is less than ", kMinMemoryBytes, " (4 MiB)"));
  }
  if (limits.pids && *limits.pids == 0) {
    return absl::InvalidArgumentError(
        "pids limit: 0 leaves no process to the executor itself");
  }
  return absl::OkStatus();
}

bool IsSet(const CgroupLimits& limits, Controller controller) {
  switch (controller) {
    case Controller::kCpu:
      return limits.cpus.has_value();
    case Controller::kMemory:
      return limits.memory_bytes.has_value();
    case Controller::kPids:
      return limits.pids.has_value();
  }
  return false;
}

std::vector<CgroupSetting> SettingsOf(const CgroupLimits& limits,
                                      Controller controller, Kind kind) {
  switch (controller) {
    case Controller::kCpu:
      return kind == Kind::kV2 ? CpuV2(limits.cpus) : CpuV1(limits.cpus);
    case Controller::kMemory:
      return kind == Kind::kV2 ? MemoryV2(limits.memory_bytes)
                               : MemoryV1(limits.memory_bytes);
    case Controller::kPids:
      return Pids(limits.pids);
  }
  return {};
}

}  // namespace holdfast
