#pragma once

#include <sys/types.h>

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace holdfast::hack {

// The last resort of a demonstration or a benchmark that was interrupted: it
// does not ask the agent, and needs none. `root` is a cgroup root of our own
// making (holdfastd --cgroups_root), relative to the mounts.

// The directories of that name that exist, in whatever hierarchy.
std::vector<std::string> CgroupDirectories(const std::string& root);

// The processes below `root`, each once.
std::set<pid_t> ProcessesBelow(const std::string& root);

// SIGKILLs every process below `root`, held by pidfd and checked against its
// group, and removes the groups. DeadlineExceeded: something is left.
absl::Status SweepCgroups(const std::string& root, absl::Duration timeout);

}  // namespace holdfast::hack
