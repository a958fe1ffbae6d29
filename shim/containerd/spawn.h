#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace holdfast::containerd {

// Starts `argv`, a child of ours that dies with us (PDEATHSIG), with the three
// descriptors (borrowed; -1: /dev/null) and no other, signals at their
// defaults, and our environment but for what an init system told us alone. By
// vfork: nothing of our memory is copied. argv[0] is a path.
// An error names the step and the program ("exec /usr/bin/crun: Permission
// denied"); there is no child then.
absl::StatusOr<pid_t> Spawn(const std::vector<std::string>& argv, int in,
                            int out, int err);

// What `name` means: itself where it has a slash, else the first executable
// file of that name in the directories of `path` ("/bin:/usr/bin").
// NotFound: exec: "crun": executable file not found in $PATH.
absl::StatusOr<std::string> FindProgram(absl::string_view name,
                                        absl::string_view path);

// $PATH, or what is usual where there is none.
std::string SearchPath();

}  // namespace holdfast::containerd
