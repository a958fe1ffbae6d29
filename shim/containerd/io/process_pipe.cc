#include "shim/containerd/io/process_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

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

absl::StatusOr<ProcessPipe> MakeNamedPipe(const std::string& path, uid_t uid,
                                          gid_t gid) {
  if (mkfifo(path.c_str(), 0600) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, "mkfifo", path);
  }
  ProcessPipe pipe;
  for (UniqueFd* end : {&pipe.reader, &pipe.writer}) {
    *end = UniqueFd(open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    if (!*end) return ErrnoStatus(errno, "open", path);
  }
  return OwnedBy(uid, gid, std::move(pipe));
}

}  // namespace holdfast::containerd
