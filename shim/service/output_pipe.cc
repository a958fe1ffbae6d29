#include "shim/service/output_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/errors.h"

namespace holdfast::shim {

absl::StatusOr<OutputPipe> OpenOutputPipe(const std::string& path,
                                          const v1::LaunchSpec& spec) {
  if (mkfifo(path.c_str(), 0600) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, "mkfifo", path);
  }
  OutputPipe pipe;
  pipe.ours = UniqueFd(open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!pipe.ours) return ErrnoStatus(errno, "open", path);
  pipe.executors = UniqueFd(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!pipe.executors) return ErrnoStatus(errno, "open", path);
  // So that the executor can open /dev/stdout again.
  if (spec.change_user() &&
      fchown(pipe.ours.get(), spec.uid(), spec.gid()) != 0) {
    return ErrnoStatus(errno, "chown", path);
  }
  return pipe;
}

}  // namespace holdfast::shim
