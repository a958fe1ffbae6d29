#pragma once

#include <string>

#include "absl/status/status.h"

// Signals to all processes of a cgroup and of the groups below it. OK when
// the group is gone or empty.
namespace holdfast {

// Sends `signal` to each process. Each is held by a pidfd and seen in the
// group after that was opened, so that a pid which came to mean another
// process is not signalled. Processes that fork meanwhile may be missed.
absl::Status SignalProcesses(const std::string& group, int signal);

// SIGKILLs all processes, those that are forking too: in v2 by cgroup.kill and
// by freezing and killing what that leaves, in a v1 freezer's group by
// freezing, killing and thawing (10 ms at most). They are gone a little later;
// what would not freeze may have forked and wants another call. A v2 group
// stays frozen: it is for nothing but removal now. FailedPrecondition: the
// group can do neither.
absl::Status KillProcesses(const std::string& group);

// Stops all processes where they are, by v2's cgroup.freeze or a v1 freezer;
// writing "0" or "THAWED" there lets them go on. FailedPrecondition: the group
// has neither.
absl::Status FreezeProcesses(const std::string& group);

}  // namespace holdfast
