#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cgroups/layout.h"

namespace holdfast {

// Finds out whether the v2 tree mounted as `mount` can hold and kill processes
// below `root`, by making that group (and adding to `made` what was made). The
// reasons against: a read-only mount, a directory that may not be written, a
// kernel before 5.14 (no cgroup.kill), a root group that is threaded.
UnifiedTree ProbeUnifiedTree(const CgroupMount& mount, const std::string& root,
                             std::vector<std::string>* made);

// Turns `controller` on for the children of the v2 group `group`, whose
// parents have it on. An error says what stands against it and the cure.
absl::Status EnableController(const std::string& group, Controller controller);

// The same for the children of `mount` and of each group on the way down to
// `mount`/`root`.
absl::Status EnableControllerDownTo(const std::string& mount,
                                    const std::string& root,
                                    Controller controller);

}  // namespace holdfast
