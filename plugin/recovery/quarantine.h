#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/files.h"
#include "plugin/checkpoint/layout.h"

namespace holdfast {

// <work_dir>/quarantine: where what cannot be read is moved, whole; nothing of
// ours ever deletes or reads it again. Calls wait for a disk.

// Moves `path` (a file or a directory of work_dir or on its file system) there
// under `name`, or `name.1` … where that is taken; durable when it returns
// where it is now.
absl::StatusOr<std::string> MoveAside(Files& files, const Layout& layout,
                                      const std::string& path,
                                      const std::string& name);

// What is there, with its folder: "c-7", "frameworks/f-1.record".
std::vector<std::string> ListQuarantine(Files& files, const Layout& layout);

}  // namespace holdfast
