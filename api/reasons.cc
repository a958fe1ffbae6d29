#include "api/reasons.h"

#include <optional>

#include "absl/strings/cord.h"

namespace holdfast {

absl::Status WithReason(absl::Status status, absl::string_view reason) {
  status.SetPayload(kReasonPayload, absl::Cord(reason));
  return status;
}

std::string ReasonOf(const absl::Status& status) {
  const absl::optional<absl::Cord> reason = status.GetPayload(kReasonPayload);
  return reason.has_value() ? std::string(*reason)
                            : absl::StatusCodeToString(status.code());
}

}  // namespace holdfast
