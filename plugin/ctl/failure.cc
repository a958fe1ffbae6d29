#include "plugin/ctl/failure.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "api/google_rpc.pb.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "grpcpp/support/status.h"
#include "plugin/ctl/output.h"

namespace holdfast::ctl {
namespace {

// Payloads: what a status is, besides its code.
constexpr char kUsage[] = "holdfastctl/usage";
constexpr char kHelp[] = "holdfastctl/help";
constexpr char kDisconnected[] = "holdfastctl/disconnected";
constexpr char kErrorInfo[] = "google.rpc.ErrorInfo";
constexpr char kRetryInfo[] = "google.rpc.RetryInfo";

absl::Status Marked(absl::Status status, absl::string_view mark) {
  status.SetPayload(mark, absl::Cord());
  return status;
}

template <typename Message>
bool ReadPayload(const absl::Status& status, const char* url,
                 Message& message) {
  const absl::optional<absl::Cord> payload = status.GetPayload(url);
  return payload && message.ParseFromString(std::string(*payload));
}

// We cancel only what we no longer listen to, so CANCELLED is an agent that
// shut down in order; "Stream removed" is gRPC's word for one that did not.
bool ConnectionBroke(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::CANCELLED:
      return true;
    case grpc::StatusCode::UNKNOWN:
      return status.error_message() == "Stream removed";
    default:
      return false;
  }
}

absl::Status WithDetails(absl::StatusCode code, const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  google::rpc::RetryInfo retry;
  if (!details.ParseFromString(status.error_details())) details.Clear();
  for (const google::protobuf::Any& detail : details.details()) {
    if (detail.UnpackTo(&info)) continue;
    (void)detail.UnpackTo(&retry);  // others are of no use to us
  }
  const std::string why =
      info.reason().empty() ? absl::StatusCodeToString(code) : info.reason();
  const std::string text =
      status.error_message().empty()
          ? why
          : absl::StrCat(status.error_message(), " (", why, ")");
  absl::Status result(code, text);
  result.SetPayload(kErrorInfo, absl::Cord(info.SerializeAsString()));
  result.SetPayload(kRetryInfo, absl::Cord(retry.SerializeAsString()));
  return result;
}

const char* Advice(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ECONNREFUSED:
      return "; is holdfastd running?";
    case EACCES:
    case EPERM:
      return "; this takes root or the group holdfast";
    default:
      return "";
  }
}

}  // namespace

absl::Status UsageError(absl::string_view text) {
  return Marked(absl::InvalidArgumentError(text), kUsage);
}

absl::Status HelpAsked() { return Marked(absl::CancelledError(""), kHelp); }

bool IsUsageError(const absl::Status& status) {
  return status.GetPayload(kUsage).has_value();
}

bool IsHelpAsked(const absl::Status& status) {
  return status.GetPayload(kHelp).has_value();
}

absl::Status Unreachable(absl::string_view path, int error_number) {
  const absl::Status status = ErrnoStatus(
      error_number, "cannot reach the agent at", absl::StrCat("unix:", path));
  return Marked(absl::UnavailableError(
                    absl::StrCat(status.message(), Advice(error_number))),
                kDisconnected);
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const absl::Status answer =
      WithDetails(static_cast<absl::StatusCode>(status.error_code()), status);
  if (!Reason(answer).empty() || !ConnectionBroke(status)) return answer;
  return Marked(absl::UnavailableError(absl::StrCat("the agent went away: ",
                                                    status.error_message())),
                kDisconnected);
}

std::string Reason(const absl::Status& status) {
  google::rpc::ErrorInfo info;
  return ReadPayload(status, kErrorInfo, info) ? info.reason() : "";
}

std::string ErrorMetadata(const absl::Status& status, const std::string& key) {
  google::rpc::ErrorInfo info;
  if (!ReadPayload(status, kErrorInfo, info)) return "";
  const auto found = info.metadata().find(key);
  return found == info.metadata().end() ? "" : found->second;
}

absl::Duration RetryDelay(const absl::Status& status) {
  google::rpc::RetryInfo retry;
  if (!ReadPayload(status, kRetryInfo, retry)) return absl::ZeroDuration();
  return std::max(absl::ZeroDuration(), FromProto(retry.retry_delay()));
}

bool IsDisconnected(const absl::Status& status) {
  return status.GetPayload(kDisconnected).has_value();
}

bool IsAway(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

absl::Status About(const absl::Status& status, absl::string_view what) {
  if (IsDisconnected(status) || IsHelpAsked(status)) return status;
  return Annotate(status, what);
}

int ExitCodeOf(const absl::Status& status) {
  if (status.ok() || IsHelpAsked(status)) return 0;
  if (IsUsageError(status)) return kExitUsage;
  if (IsDisconnected(status)) return kExitUnreachable;
  if (absl::IsDeadlineExceeded(status)) return kExitTimeout;
  return kExitFailed;
}

void Say(absl::string_view text) {
  // Where stderr is closed there is nobody left to tell.
  (void)WriteAll(STDERR_FILENO, absl::StrCat("holdfastctl: ", text, "\n"));
}

}  // namespace holdfast::ctl
