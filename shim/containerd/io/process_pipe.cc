#include "shim/containerd/io/process_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace holdfast::containerd {
namespace {

absl::StatusOr<ProcessPipe> OwnedBy(uid_t uid, gid_t gid, ProcessPipe pipe) {
  if (fchown(pipe.writer.get(), uid, gid) != 0) {
    return ErrnoStatus(errno, "chown", "a process's pipe");
  }
  return pipe;
}

}  // namespace

absl::StatusOr<ProcessPipe> MakePipe(uid_t uid, gid_t gid) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return ErrnoStatus(errno, "pipe2", "a process's pipe");
  }
  return OwnedBy(uid, gid,
                 {.reader = UniqueFd(ends[0]), .writer = UniqueFd(ends[1])});
}

absl::StatusOr<ProcessPipe> MakeLastingPipe(uid_t uid, gid_t gid) {
  HOLDFAST_ASSIGN_OR_RETURN(ProcessPipe pipe, MakePipe(uid, gid));
  for (UniqueFd* end : {&pipe.reader, &pipe.writer}) {
    const std::string path = absl::StrCat("/proc/self/fd/", end->get());
    *end = UniqueFd(open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!*end) return ErrnoStatus(errno, "open", path);
  }
  return pipe;
}

}  // namespace holdfast::containerd
