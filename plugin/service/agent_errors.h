#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/duration.pb.h"

namespace holdfast {

// Errors that several of the agent's calls give, with their stable reasons.

// NotFound FRAMEWORK_UNKNOWN.
absl::Status FrameworkUnknown(const std::string& id);
// NotFound TASK_UNKNOWN; `framework_id` may be empty: any.
absl::Status TaskUnknown(const std::string& framework_id,
                         const std::string& task_id);
// `status` with the reason FRAMEWORK_TORN_DOWN.
absl::Status FrameworkTornDown(absl::Status status);
// InvalidArgument, naming `field`.
absl::Status CheckNotNegative(absl::string_view field,
                              const google::protobuf::Duration& duration);
// Unavailable RECOVERING.
absl::Status Recovering(absl::string_view what);

}  // namespace holdfast
