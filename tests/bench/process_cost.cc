#include "tests/bench/process_cost.h"

#include <errno.h>
#include <time.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "base/errors.h"
#include "base/files.h"

namespace holdfast::bench {
namespace {

// The number of the line "<name>: 123 kB"; 0 when there is none.
int64_t Field(absl::string_view content, absl::string_view name) {
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    if (!absl::ConsumePrefix(&line, name) || !absl::ConsumePrefix(&line, ":"))
      continue;
    line = absl::StripAsciiWhitespace(line);
    absl::ConsumeSuffix(&line, " kB");
    int64_t number = 0;
    if (absl::SimpleAtoi(line, &number)) return number;
  }
  return 0;
}

absl::StatusOr<int64_t> ReadContextSwitches(pid_t pid) {
  int64_t switches = 0;
  std::error_code error;
  const std::string tasks = absl::StrCat("/proc/", pid, "/task");
  for (const auto& entry : std::filesystem::directory_iterator(tasks, error)) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::string status,
                              ReadSmallFile(entry.path().string() + "/status"));
    switches += Field(status, "voluntary_ctxt_switches") +
                Field(status, "nonvoluntary_ctxt_switches");
  }
  return switches;
}

}  // namespace

absl::StatusOr<ProcessCost> ReadProcessCost(pid_t pid) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::string maps,
      ReadSmallFile(absl::StrCat("/proc/", pid, "/smaps_rollup")));
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::string status,
      ReadSmallFile(absl::StrCat("/proc/", pid, "/status")));
  ProcessCost cost;
  cost.pss_kib = static_cast<double>(Field(maps, "Pss"));
  cost.rss_kib = static_cast<double>(Field(maps, "Rss"));
  cost.uss_kib = static_cast<double>(Field(maps, "Private_Clean") +
                                     Field(maps, "Private_Dirty"));
  cost.threads = static_cast<int>(Field(status, "Threads"));
  HOLDFAST_ASSIGN_OR_RETURN(cost.context_switches, ReadContextSwitches(pid));
  return cost;
}

absl::StatusOr<double> ReadCpuSeconds(pid_t pid) {
  clockid_t clock;
  timespec used;
  if (const int error = clock_getcpuclockid(pid, &clock); error != 0) {
    return ErrnoStatus(error, "clock_getcpuclockid", absl::StrCat(pid));
  }
  if (clock_gettime(clock, &used) != 0) {
    return ErrnoStatus(errno, "clock_gettime", absl::StrCat(pid));
  }
  return absl::ToDoubleSeconds(absl::DurationFromTimespec(used));
}

absl::StatusOr<FleetCost> ReadFleetCost(const std::vector<pid_t>& pids) {
  FleetCost fleet;
  for (const pid_t pid : pids) {
    HOLDFAST_ASSIGN_OR_RETURN(const ProcessCost cost, ReadProcessCost(pid));
    fleet.pss_kib.Add(cost.pss_kib);
    fleet.rss_kib.Add(cost.rss_kib);
    fleet.uss_kib.Add(cost.uss_kib);
    fleet.threads.Add(cost.threads);
    fleet.context_switches += cost.context_switches;
  }
  return fleet;
}

}  // namespace holdfast::bench
