#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace holdfast {

// Errors that several of the agent's calls give, with their stable reasons.

// NotFound FRAMEWORK_UNKNOWN.
absl::Status FrameworkUnknown(const std::string& id);
// NotFound TASK_UNKNOWN; `framework_id` may be empty: any.
absl::Status TaskUnknown(const std::string& framework_id,
                         const std::string& task_id);
// Unavailable RECOVERING.
absl::Status Recovering(absl::string_view what);

}  // namespace holdfast
