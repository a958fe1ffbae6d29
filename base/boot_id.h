#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace holdfast {

// The kernel's random name for this boot; what was written under another one
// speaks of processes that are gone.
absl::StatusOr<std::string> ReadBootId(
    const std::string& path = "/proc/sys/kernel/random/boot_id");

}  // namespace holdfast
