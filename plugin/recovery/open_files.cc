#include "plugin/recovery/open_files.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"

namespace holdfast {
namespace {

std::string ReadLink(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t size = readlink(path.c_str(), target, sizeof target);
  return size > 0 ? std::string(target, static_cast<size_t>(size)) : "";
}

// What `process` has open; nothing of one that has ended, or is not ours to
// look at.
std::vector<std::string> OpenFiles(const std::string& process) {
  std::vector<std::string> paths;
  const std::string directory = absl::StrCat("/proc/", process, "/fd");
  const auto fds = SystemFiles().List(directory);
  if (!fds.ok()) return paths;
  for (const std::string& fd : *fds) {
    paths.push_back(ReadLink(absl::StrCat(directory, "/", fd)));
  }
  return paths;
}

}  // namespace

std::map<std::string, std::vector<FileOwner>> OpenFilesBelow(
    const std::string& directory) {
  std::map<std::string, std::vector<FileOwner>> owners;
  const std::string below = absl::StrCat(directory, "/");
  const auto processes = SystemFiles().List("/proc");
  if (!processes.ok()) return owners;
  for (const std::string& process : *processes) {
    pid_t pid;
    if (!absl::SimpleAtoi(process, &pid) || pid == getpid()) continue;
    for (const std::string& path : OpenFiles(process)) {
      if (!absl::StartsWith(path, below)) continue;
      std::vector<FileOwner>& of_path = owners[path];
      if (!of_path.empty() && of_path.back().pid == pid) continue;
      const std::string name =
          ReadSmallFile(absl::StrCat("/proc/", process, "/comm"))
              .value_or("a process");
      of_path.push_back({pid, std::string(absl::StripAsciiWhitespace(name))});
    }
  }
  return owners;
}

bool HasOpen(pid_t pid, const std::string& path) {
  const std::vector<std::string> paths = OpenFiles(absl::StrCat(pid));
  return std::find(paths.begin(), paths.end(), path) != paths.end();
}

}  // namespace holdfast
