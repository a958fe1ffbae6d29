#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cgroups/cgroups.h"
#include "cgroups/layout.h"

namespace holdfast {

// One value for one of the kernel's files.
struct CgroupSetting {
  std::string file;
  std::string value;
  // The kernel may be built without it (swap accounting).
  bool optional = false;
};

// InvalidArgument names the limit and its bounds: cpus from 0.01 (the kernel's
// shortest quota) to 10000, memory from 4 MiB (a program must start), at least
// one process.
absl::Status ValidateLimits(const CgroupLimits& limits);

bool IsSet(const CgroupLimits& limits, Controller controller);

// What imposes the limit of `controller`, or lifts it where it is unset, in
// the files of v1 or v2 (`kind`). A memory limit leaves no swap to escape to:
// v1 bounds memory and swap together, v2 allows no swap. A share of CPU time
// goes with the quota: 1024 (v1) or 100 (v2), the defaults, for one cpu.
std::vector<CgroupSetting> SettingsOf(const CgroupLimits& limits,
                                      Controller controller,
                                      ControllerPlace::Kind kind);

}  // namespace holdfast
