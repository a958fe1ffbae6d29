#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/unique_fd.h"

namespace holdfast::containerd {

// The cgroups of containerd's shims, out of containerd's own: on the v2 tree,
//   <mount>/<root>/containerd-<name>
// where <root> is the slice holdfast.slice that packaging makes under systemd,
// else "holdfast". Without a v2 tree there is none, and a shim stays where its
// daemon is.

// Makes it; a directory to clone into. Empty: there is no v2 tree.
absl::StatusOr<UniqueFd> MakeShimCgroup(absl::string_view name);

// A child that is born in `cgroup`, or without one where we are, as fork(2)
// makes it: 0 in the child; -1: none was made.
pid_t CloneInto(const UniqueFd& cgroup);

// Removes this process's, of that name, once it has ended: a child does it, in
// the root group, that has nothing of ours open. Called last of all.
void RemoveShimCgroupAtExit(absl::string_view name);

// Removes those in which nothing is left, of shims that were killed.
void RemoveEmptyShimCgroups();

// Moves this process into `cgroup` ("/pods/shims"): what the option shim_cgroup
// asks for. Where there is but the v2 tree, it is made; beside v1, as with the
// stock shim, whoever asks has made it, is to remove it, and chose in which
// hierarchies. NotFound: in none.
absl::Status EnterNamedCgroup(absl::string_view cgroup);

}  // namespace holdfast::containerd
