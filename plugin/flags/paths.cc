#include "plugin/flags/paths.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/unix_socket.h"

namespace holdfast {

absl::StatusOr<std::string> AbsolutePath(const std::string& flag,
                                         const std::string& path) {
  if (path.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag, ": must not be empty"));
  }
  std::string absolute = path;
  if (path[0] != '/') {
    char here[PATH_MAX];
    if (getcwd(here, sizeof here) == nullptr) {
      return ErrnoStatus(errno, "getcwd", path);
    }
    absolute = absl::StrCat(here, "/", path);
  }
  while (absolute.size() > 1 && absolute.back() == '/') absolute.pop_back();
  return absolute;
}

absl::Status CheckSocketPath(const std::string& runtime_dir) {
  const std::string socket = absl::StrCat(runtime_dir, "/holdfastd.sock");
  if (socket.size() <= kMaxSocketPath) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--runtime_dir ", runtime_dir, ": the path of its socket would have ",
      socket.size(), " bytes, and a unix socket's may have ", kMaxSocketPath,
      "; choose a shorter directory"));
}

std::string BesideThisProgram(const std::string& name) {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) return name;
  const std::string self(path, static_cast<size_t>(size));
  return absl::StrCat(self.substr(0, self.rfind('/') + 1), name);
}

}  // namespace holdfast
