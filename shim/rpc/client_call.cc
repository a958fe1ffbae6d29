#include "shim/rpc/client_call.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "shim/rpc/grpc_status.h"
#include "shim/rpc/grpc_timeout.h"

namespace holdfast::rpc {
namespace {

constexpr size_t kMaxMessageBytes = size_t{64} * 1024 * 1024;

}  // namespace

HeaderList RequestHeaders(absl::string_view path, absl::Duration timeout) {
  HeaderList headers = {{":method", "POST"},
                        {":scheme", "http"},
                        {":path", std::string(path)},
                        {":authority", "localhost"},
                        {"te", "trailers"},
                        {"content-type", "application/grpc"},
                        {"grpc-accept-encoding", "identity"}};
  if (timeout != absl::InfiniteDuration()) {
    headers.emplace_back("grpc-timeout", FormatGrpcTimeout(timeout));
  }
  return headers;
}

StreamClientCall::StreamClientCall(EventLoop& loop,
                                   std::shared_ptr<Http2Session> session,
                                   int32_t stream, ClientCallEvents events,
                                   std::function<void()> over)
    : loop_(loop),
      session_(std::move(session)),
      stream_(stream),
      framer_(kMaxMessageBytes),
      events_(std::move(events)),
      over_(std::move(over)) {}

StreamClientCall::~StreamClientCall() { loop_.Cancel(deadline_); }

void StreamClientCall::SetDeadline(absl::Duration timeout) {
  if (timeout == absl::InfiniteDuration()) return;
  deadline_ = loop_.After(timeout, [this] {
    const auto self = shared_from_this();
    Complete(absl::DeadlineExceededError("the call's deadline passed"));
  });
}

bool StreamClientCall::EndOnce() {
  if (is_over_) return false;
  is_over_ = true;
  loop_.Cancel(std::exchange(deadline_, 0));
  return true;
}

void StreamClientCall::Complete(const absl::Status& status) {
  if (!EndOnce()) return;
  const auto self = shared_from_this();
  over_();
  if (session_ != nullptr) session_->Reset(stream_, Http2Error::kCancel);
  const auto on_done = std::move(events_.on_done);
  if (on_done) on_done(status);
}

void StreamClientCall::Abandon() { EndOnce(); }

void StreamClientCall::TakeHeaders(const HeaderList& headers, bool last) {
  const std::string* const http_status = FindHeader(headers, ":status");
  if (http_status != nullptr && absl::StartsWith(*http_status, "1")) return;
  if (http_status != nullptr && *http_status != "200" &&
      FindHeader(headers, "grpc-status") == nullptr) {
    return Complete(StatusFromHttp(*http_status));
  }
  if (!last) return;
  if (framer_.mid_message()) {
    return Complete(absl::InternalError("the last message is cut short"));
  }
  Complete(StatusFromTrailers(headers));
}

void StreamClientCall::TakeData(absl::string_view bytes) {
  while (!is_over_) {
    absl::string_view message;
    const absl::StatusOr<bool> whole = framer_.Next(bytes, message);
    if (!whole.ok()) return Complete(whole.status());
    if (!*whole) return;
    if (events_.on_message) events_.on_message(message);
  }
}

void StreamClientCall::TakeEnd() { Complete(StatusFromTrailers({})); }

void StreamClientCall::TakeReset(uint32_t error_code) {
  Complete(StatusFromReset(error_code));
}

void StreamClientCall::Send(absl::string_view message) {
  if (is_over_ || session_ == nullptr) return;
  session_->Send(stream_, MessagePrefix(message.size()));
  session_->Send(stream_, message);
}

void StreamClientCall::HalfClose() {
  if (!is_over_ && session_ != nullptr) session_->End(stream_, {});
}

void StreamClientCall::Cancel() {
  Complete(absl::CancelledError("the call was cancelled here"));
}

}  // namespace holdfast::rpc
