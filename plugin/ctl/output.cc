#include "plugin/ctl/output.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/errors.h"

namespace holdfast::ctl {
namespace {

absl::Status WriteError(int fd, int error_number) {
  const absl::Status status = ErrnoStatus(
      error_number, "write", fd == STDERR_FILENO ? "stderr" : "stdout");
  return absl::Status(error_number == EPIPE ? absl::StatusCode::kAborted
                                            : absl::StatusCode::kInternal,
                      status.message());
}

}  // namespace

absl::Status WriteAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd writable = {.fd = fd, .events = POLLOUT, .revents = 0};
      if (poll(&writable, 1, -1) < 0 && errno != EINTR) {
        return WriteError(fd, errno);
      }
    } else if (errno != EINTR) {
      return WriteError(fd, errno);
    }
  }
  return absl::OkStatus();
}

absl::Status Print(absl::string_view text) {
  return WriteAll(STDOUT_FILENO, text);
}

}  // namespace holdfast::ctl
