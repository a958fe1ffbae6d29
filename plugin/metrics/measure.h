#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"

namespace holdfast {

// What this life of the agent has done so far; only grows.
struct Tally {
  uint64_t launches = 0;
  uint64_t launch_failures = 0;
  uint64_t kills = 0;
  uint64_t acknowledgements = 0;
};

// The agent at one moment, as numbers. No ids: there is no end of those.
struct Measure {
  // The agent was too busy to be measured now: these are former figures.
  bool stale = false;
  std::string version;
  bool recovering = false;
  uint32_t executors_to_recover = 0;
  uint32_t executors_recovered = 0;
  absl::Duration recovery_took;  // so far, while recovering
  // How many executors the recovery decided so on, by decision and reason.
  std::map<std::pair<std::string, std::string>, uint32_t> outcomes;
  std::map<std::string, uint32_t> executors;  // by state, all states
  uint64_t frameworks = 0;
  uint64_t unacknowledged_updates = 0;
  absl::Duration oldest_unacknowledged_age;  // zero: there is none
  uint32_t quarantined = 0;
  uint32_t orphans = 0;
  // Of the attached executors with a fence: the shortest time that one would
  // live if the agent were lost now.
  std::optional<absl::Duration> shortest_fence;
  Tally tally;
};

}  // namespace holdfast
