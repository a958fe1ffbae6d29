#include "shim/containerd/container_cgroups.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errors.h"
#include "base/files.h"
#include "cgroups/group_tree.h"
#include "cgroups/mountinfo.h"

namespace holdfast::containerd {
namespace {

// A group's path, "/" at the root of its hierarchy, below a mount.
std::string Below(const std::string& mount, absl::string_view path) {
  return path == "/" ? mount : absl::StrCat(mount, path);
}

}  // namespace

std::string ContainerCgroups::V1(absl::string_view controller) const {
  const auto found = v1.find(std::string(controller));
  return found == v1.end() ? "" : found->second;
}

ContainerCgroups ParseContainerCgroups(absl::string_view cgroup,
                                       absl::string_view mountinfo) {
  const std::vector<CgroupMount> mounts = ParseCgroupMounts(mountinfo);
  ContainerCgroups groups;
  bool ended = false;
  // "4:cpu,cpuacct:/a/b"; "0::/a/b" is v2's.
  for (const absl::string_view line :
       absl::StrSplit(cgroup, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    for (const CgroupMount& mount : mounts) {
      if (mount.is_v2 && parts[1].empty()) {
        groups.v2 = Below(mount.path, parts[2]);
      }
      if (mount.is_v2) continue;
      for (const absl::string_view controller : absl::StrSplit(parts[1], ',')) {
        if (controller.empty() || absl::StartsWith(controller, "name=")) {
          continue;
        }
        if (!mount.HasOption(controller)) continue;
        // Everybody's: what v1 says of a process that ends, too.
        if (parts[2] == "/") {
          ended = true;
          continue;
        }
        groups.v1.emplace(controller, Below(mount.path, parts[2]));
      }
    }
  }
  if (ended && groups.v1.empty()) groups.v2.clear();
  return groups;
}

absl::StatusOr<ContainerCgroups> FindContainerCgroups(pid_t pid) {
  const std::string file = absl::StrCat("/proc/", pid, "/cgroup");
  HOLDFAST_ASSIGN_OR_RETURN(const std::string cgroup, ReadSmallFile(file));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string mountinfo,
                            ReadSmallFile("/proc/self/mountinfo"));
  ContainerCgroups groups = ParseContainerCgroups(cgroup, mountinfo);
  if (groups.v1.empty() && groups.v2.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(file, " names no group that is its own and mounted"));
  }
  return groups;
}

std::vector<pid_t> PidsOf(const ContainerCgroups& groups) {
  std::vector<pid_t> pids;
  // Any hierarchy will do; these are where a runtime always has a group.
  std::string group = groups.v2;
  for (const char* const controller : {"memory", "cpu", "pids", "devices"}) {
    if (!groups.V1(controller).empty()) group = groups.V1(controller);
  }
  using Groups = std::vector<std::string>;
  for (const std::string& each : ReadGroups(group).value_or(Groups())) {
    const auto own = ReadPids(each).value_or(std::vector<pid_t>());
    pids.insert(pids.end(), own.begin(), own.end());
  }
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

}  // namespace holdfast::containerd
