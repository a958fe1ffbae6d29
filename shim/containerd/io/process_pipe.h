#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace holdfast::containerd {

// A pipe between us and a process, which owns it: it can open /dev/stdout.
struct ProcessPipe {
  UniqueFd reader;
  UniqueFd writer;
};

absl::StatusOr<ProcessPipe> MakePipe(uid_t uid, gid_t gid);

// One with a name, made where there is none. Both ends are open on both sides,
// so that whoever holds one of them gets neither SIGPIPE nor an end of file.
absl::StatusOr<ProcessPipe> MakeNamedPipe(const std::string& path, uid_t uid,
                                          gid_t gid);

}  // namespace holdfast::containerd
