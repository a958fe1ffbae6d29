#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/bench/samples.h"

namespace holdfast::bench {

// What one process costs while it does nothing.
struct ProcessCost {
  double pss_kib = 0;
  double rss_kib = 0;
  double uss_kib = 0;  // its own pages alone
  int threads = 0;
  int64_t context_switches = 0;  // since its threads began
};

// NotFound: no such process.
absl::StatusOr<ProcessCost> ReadProcessCost(pid_t pid);

// Since its start, all threads together, user and system. NotFound: no such
// process.
absl::StatusOr<double> ReadCpuSeconds(pid_t pid);

// The same of many.
struct FleetCost {
  Samples pss_kib;
  Samples rss_kib;
  Samples uss_kib;
  Samples threads;
  int64_t context_switches = 0;  // of all together
};
absl::StatusOr<FleetCost> ReadFleetCost(const std::vector<pid_t>& pids);

}  // namespace holdfast::bench
