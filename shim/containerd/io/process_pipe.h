#pragma once

#include <sys/types.h>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace holdfast::containerd {

// A pipe between us and a process, which owns it: it can open /dev/stdout.
struct ProcessPipe {
  UniqueFd reader;
  UniqueFd writer;
};

absl::StatusOr<ProcessPipe> MakePipe(uid_t uid, gid_t gid);

// One whose ends are both open on both sides: whoever holds one of them gets
// neither SIGPIPE nor an end of file. It has no name, since CRIU can hand a
// pipe to what it restores, and no FIFO from outside of the container.
absl::StatusOr<ProcessPipe> MakeLastingPipe(uid_t uid, gid_t gid);

}  // namespace holdfast::containerd
