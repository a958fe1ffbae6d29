#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace holdfast::containerd {

// `content` as the file `path`, 0600, in the place of what is there. For what
// goes with the bundle, and so need not survive anything.
absl::Status WriteScratchFile(const std::string& path,
                              absl::string_view content);

}  // namespace holdfast::containerd
