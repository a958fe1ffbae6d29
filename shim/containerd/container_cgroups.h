#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace holdfast::containerd {

// Where a container's groups are, whoever made them. Found while its init
// lives; good afterwards, too.
struct ContainerCgroups {
  // v1: controller ("memory") to directory; empty where v2 has them all.
  std::map<std::string, std::string> v1;
  std::string v2;  // empty: there is no v2 tree

  // A host with any v1 controller counts as v1, as it does for containerd.
  bool is_v2() const { return v1.empty(); }
  // Of a v1 controller; empty: not here.
  std::string V1(absl::string_view controller) const;
};

// NotFound: there is no such process. FailedPrecondition: no hierarchy of its
// groups is mounted here.
absl::StatusOr<ContainerCgroups> FindContainerCgroups(pid_t pid);

// The same from the texts of /proc/PID/cgroup and /proc/self/mountinfo.
ContainerCgroups ParseContainerCgroups(absl::string_view cgroup,
                                       absl::string_view mountinfo);

// Every process of the container, those in groups below its own too; sorted,
// each once. Empty when the groups are gone.
std::vector<pid_t> PidsOf(const ContainerCgroups& groups);

}  // namespace holdfast::containerd
