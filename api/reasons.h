#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace holdfast {

// The stable reason of an error (google.rpc.ErrorInfo.reason), carried by the
// status as a payload; shims pass theirs on under the same name.
inline constexpr char kReasonPayload[] = "holdfast/reason";

absl::Status WithReason(absl::Status status, absl::string_view reason);

// The status's reason, or the code's name ("INVALID_ARGUMENT").
std::string ReasonOf(const absl::Status& status);

}  // namespace holdfast
