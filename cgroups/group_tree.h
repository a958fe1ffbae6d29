#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// A cgroup's directory and the groups below it, v1 or v2, by plain file
// operations: what the agent and the shim both need, without libcgroup.
namespace holdfast {

// Makes the group `path` and whichever parents are missing; `made`, when not
// null, is given those that were made, parents first. OK when it is there.
absl::Status MakeGroups(const std::string& path,
                        std::vector<std::string>* made = nullptr);

// The names of the groups directly below `group`. NotFound: it is gone.
absl::StatusOr<std::vector<std::string>> ListGroups(const std::string& group);

// `group` and every group below it, parents first; none when it is gone.
absl::StatusOr<std::vector<std::string>> ReadGroups(const std::string& group);

// The processes of `group` itself, not of those below. A zombie is none,
// unless threads of it live. None too in a group that is gone, and in a
// threaded one, whose processes its parent lists; a process of another pid
// namespace cannot be named, and is left out.
absl::StatusOr<std::vector<pid_t>> ReadPids(const std::string& group);

// How many there are in `group` and below.
absl::StatusOr<size_t> CountProcesses(const std::string& group);

// Whether there are any; false when `group` is gone. Exact as soon as a pidfd
// says that a process has ended: the 10 ms for which the kernel holds
// cgroup.events back are those of its notification, not of its content.
absl::StatusOr<bool> HasProcesses(const std::string& group);

// Removes `group` and all groups below it; OK when it is gone already.
// FailedPrecondition: there are processes in them; nothing was removed.
absl::Status RemoveGroups(const std::string& group);

}  // namespace holdfast
