#include "plugin/service/agent_errors.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/reasons.h"
#include "api/time_convert.h"

namespace holdfast {

absl::Status FrameworkUnknown(const std::string& id) {
  return WithReason(absl::NotFoundError(absl::StrCat(
                        "framework ", id, ": not registered with this agent")),
                    "FRAMEWORK_UNKNOWN");
}

absl::Status TaskUnknown(const std::string& framework_id,
                         const std::string& task_id) {
  return WithReason(
      absl::NotFoundError(absl::StrCat(
          "task ", task_id,
          framework_id.empty()
              ? ": no framework has it"
              : absl::StrCat(": framework ", framework_id, " has none"))),
      "TASK_UNKNOWN");
}

absl::Status FrameworkTornDown(absl::Status status) {
  return WithReason(std::move(status), "FRAMEWORK_TORN_DOWN");
}

absl::Status CheckNotNegative(absl::string_view field,
                              const google::protobuf::Duration& duration) {
  if (FromProto(duration) >= absl::ZeroDuration()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " must not be negative"));
}

absl::Status Recovering(absl::string_view what) {
  return WithReason(
      absl::UnavailableError(absl::StrCat(
          what, ": the agent is still reading its checkpoint; try again")),
      "RECOVERING");
}

}  // namespace holdfast
