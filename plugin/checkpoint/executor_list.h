#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/files.h"
#include "plugin/checkpoint/layout.h"

namespace holdfast {

// The names of the executors' directories: all but removals that were
// interrupted and those made ahead in which nothing began. One made ahead in
// which a launch began still has a spare's name (spare_directory.h), and is an
// executor like any other. Errors: the directory cannot be read.
absl::StatusOr<std::vector<std::string>> ListExecutors(Files& files,
                                                       const Layout& layout,
                                                       bool checkpoint);

}  // namespace holdfast
