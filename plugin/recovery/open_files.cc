#include "plugin/recovery/open_files.h"

#include <limits.h>
#include <unistd.h>

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
    const std::string proc = absl::StrCat("/proc/", process);
    const auto fds = SystemFiles().List(proc + "/fd");
    if (!fds.ok()) continue;  // it has ended, or is not ours to look at
    for (const std::string& fd : *fds) {
      const std::string path = ReadLink(absl::StrCat(proc, "/fd/", fd));
      if (!absl::StartsWith(path, below)) continue;
      std::vector<FileOwner>& of_path = owners[path];
      if (!of_path.empty() && of_path.back().pid == pid) continue;
      const std::string name =
          ReadSmallFile(proc + "/comm").value_or("a process");
      of_path.push_back({pid, std::string(absl::StripAsciiWhitespace(name))});
    }
  }
  return owners;
}

}  // namespace holdfast
