#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/unique_fd.h"

namespace holdfast::containerd {

// Memory as a file, for what a command reads or writes: it blocks nobody and
// leaves nothing behind. Read from its beginning.
absl::StatusOr<UniqueFd> MemoryFile(absl::string_view content = "");

// All that is in it, wherever it is read at.
std::string ContentOf(int memory_file);

}  // namespace holdfast::containerd
