#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cgroups/cgroups.h"
#include "cgroups/layout.h"
#include "cgroups/libcgroup_session.h"

namespace holdfast {

// What the group `group` (relative to the mounts of `layout`) has used. CPU
// time is the v2 tree's, which counts it without any controller; in kV1
// cpuacct's. Memory and processes are counted where there is a group of that
// controller, and only read when `libcgroup` is OK.
CgroupUsage ReadUsage(const CgroupLayout& layout,
                      const absl::StatusOr<LibcgroupSession>& libcgroup,
                      const std::string& group);

}  // namespace holdfast
