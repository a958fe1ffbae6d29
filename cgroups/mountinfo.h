#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace holdfast {

// One mount of a cgroup hierarchy, v1 or v2.
struct CgroupMount {
  std::string path;
  bool is_v2 = false;
  bool read_only = false;
  // v1: its controllers, among other words ("xattr", "name=systemd"): look
  // names up in it, do not list it.
  std::vector<std::string> options;

  bool HasOption(absl::string_view option) const;
};

// The cgroup mounts named in a text in the format of /proc/self/mountinfo, in
// its order. One that a later mount at the same path hides is left out, and so
// is a line that is not in the format.
std::vector<CgroupMount> ParseCgroupMounts(absl::string_view mountinfo);

}  // namespace holdfast
