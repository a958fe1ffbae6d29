#include "shim/output/log_position.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace holdfast {
namespace {

constexpr size_t kBytes = 42;
constexpr size_t kDigits = 20;

}  // namespace

LogPosition ReadLogPosition(int directory_fd, const std::string& name) {
  const std::string file = absl::StrCat(name, ".position");
  const UniqueFd fd(openat(directory_fd, file.c_str(),
                           O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  char text[kBytes];
  LogPosition position;
  if (!fd || read(fd.get(), text, kBytes) != static_cast<ssize_t>(kBytes) ||
      !absl::SimpleAtoi(absl::string_view(text, kDigits), &position.version) ||
      !absl::SimpleAtoi(absl::string_view(text + kDigits + 1, kDigits),
                        &position.dropped_bytes)) {
    return LogPosition();
  }
  return position;
}

absl::Status WriteLogPosition(int directory_fd, const std::string& name,
                              const LogPosition& position) {
  const std::string file = absl::StrCat(name, ".position");
  const UniqueFd fd(openat(directory_fd, file.c_str(),
                           O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640));
  if (!fd) return ErrnoStatus(errno, "open", file);
  char text[kBytes + 1];
  snprintf(text, sizeof text, "%020llu %020llu\n",
           static_cast<unsigned long long>(position.version),
           static_cast<unsigned long long>(position.dropped_bytes));
  if (pwrite(fd.get(), text, kBytes, 0) < 0) {
    return ErrnoStatus(errno, "write", file);
  }
  return absl::OkStatus();
}

}  // namespace holdfast
