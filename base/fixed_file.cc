// Files of the kernel's own, read and written in one call.

#include <errno.h>
#include <fcntl.h>

#include "base/errors.h"
#include "base/files.h"

namespace holdfast {

absl::StatusOr<std::string> ReadSmallFileAt(int directory_fd,
                                            const std::string& name) {
  UniqueFd fd(openat(directory_fd, name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return ErrnoStatus(errno, "open", name);
  std::string content;
  char buffer[4096];
  for (;;) {
    const ssize_t got = read(fd.get(), buffer, sizeof buffer);
    if (got == 0) return content;
    if (got > 0) {
      content.append(buffer, static_cast<size_t>(got));
    } else if (errno != EINTR) {
      return ErrnoStatus(errno, "read", name);
    }
  }
}

absl::StatusOr<std::string> ReadSmallFile(const std::string& path) {
  return ReadSmallFileAt(AT_FDCWD, path);
}

absl::Status WriteKernelFile(const std::string& path, absl::string_view value) {
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return ErrnoStatus(errno, "open", path);
  if (write(fd.get(), value.data(), value.size()) < 0) {
    return ErrnoStatus(errno, "write", path);
  }
  return absl::OkStatus();
}

}  // namespace holdfast
