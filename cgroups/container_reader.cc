#include "cgroups/container_reader.h"

#include <sys/stat.h>

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/files.h"
#include "cgroups/group_tree.h"
#include "cgroups/mountinfo.h"

namespace holdfast {
namespace {

bool IsGroup(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

absl::StatusOr<ContainerReader> ContainerReader::Create(
    const std::string& root) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string mountinfo,
                            ReadSmallFile("/proc/self/mountinfo"));
  std::set<std::string> roots;
  for (const CgroupMount& mount : ParseCgroupMounts(mountinfo)) {
    roots.insert(absl::StrCat(mount.path, "/", root));
  }
  return ContainerReader({roots.begin(), roots.end()});
}

std::vector<std::string> ContainerReader::Containers() const {
  std::set<std::string> ids;
  for (const std::string& root : roots_) {
    const absl::StatusOr<std::vector<std::string>> names = ListGroups(root);
    if (!names.ok()) continue;  // nothing was ever made there
    for (const std::string& name : *names) {
      // The root may be a slice that has units of systemd's in it, too.
      const std::string container = absl::StrCat(root, "/", name);
      if (IsGroup(container + "/executor") || IsGroup(container + "/shim")) {
        ids.insert(name);
      }
    }
  }
  return {ids.begin(), ids.end()};
}

std::vector<pid_t> ContainerReader::Processes(
    const std::string& container_id) const {
  std::set<pid_t> all;
  for (const std::string& root : roots_) {
    const auto groups = ReadGroups(absl::StrCat(root, "/", container_id));
    if (!groups.ok()) continue;
    for (const std::string& group : *groups) {
      const absl::StatusOr<std::vector<pid_t>> pids = ReadPids(group);
      if (pids.ok()) all.insert(pids->begin(), pids->end());
    }
  }
  return {all.begin(), all.end()};
}

}  // namespace holdfast
