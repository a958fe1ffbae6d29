#include "shim/rpc/server_call.h"

#include <utility>

#include "shim/rpc/grpc_status.h"

namespace holdfast::rpc {
namespace {

HeaderList ResponseHeaders(absl::string_view http_status) {
  return {{":status", std::string(http_status)},
          {"content-type", "application/grpc"},
          {"grpc-accept-encoding", "identity"}};
}

}  // namespace

void RespondWithStatus(Http2Session& session, int32_t stream,
                       absl::string_view http_status,
                       const absl::Status& status) {
  HeaderList headers = ResponseHeaders(http_status);
  AppendStatus(status, headers);
  session.Respond(stream, headers, /*last=*/true);
}

StreamServerCall::StreamServerCall(EventLoop& loop, Http2Session& session,
                                   int32_t stream, uint64_t connection,
                                   size_t max_message_bytes,
                                   std::function<void()> over)
    : loop_(loop),
      session_(session),
      stream_(stream),
      connection_(connection),
      framer_(max_message_bytes),
      over_(std::move(over)) {}

StreamServerCall::~StreamServerCall() { loop_.Cancel(deadline_); }

void StreamServerCall::Begin(const GrpcServer::Method& method,
                             absl::Duration timeout) {
  if (timeout != absl::InfiniteDuration()) {
    deadline_ = loop_.After(timeout, [this] { DeadlinePassed(); });
  }
  handler_ = method(*this);
  if (handler_ == nullptr)
    Finish(absl::InternalError("the call has no handler"));
}

void StreamServerCall::TakeData(absl::string_view bytes) {
  while (!is_over_) {
    absl::string_view message;
    const absl::StatusOr<bool> whole = framer_.Next(bytes, message);
    if (!whole.ok()) return Refuse(whole.status());
    if (!*whole) return;
    handler_->OnMessage(message);
  }
}

void StreamServerCall::TakeEnd() {
  if (is_over_) return;
  if (framer_.mid_message()) {
    return Refuse(absl::InternalError("the last message is cut short"));
  }
  handler_->OnHalfClose();
}

void StreamServerCall::Gone() {
  if (EndOnce()) handler_->OnGone();
}

// The client's own clock ends the call there; should it be the later one, it
// is told why, unless messages that are stuck stand before the trailers.
void StreamServerCall::DeadlinePassed() {
  if (session_.queued_bytes(stream_) > 0) {
    session_.Reset(stream_, Http2Error::kCancel);
  } else {
    SendStatus(absl::DeadlineExceededError("the call's deadline passed"));
  }
  Gone();
}

// What the client sent can't be taken; the handler has no say in the answer.
void StreamServerCall::Refuse(const absl::Status& status) {
  SendStatus(status);
  Gone();
}

void StreamServerCall::Send(absl::string_view message) {
  if (is_over_) return;
  if (!responded_) {
    responded_ = true;
    session_.Respond(stream_, ResponseHeaders("200"), /*last=*/false);
  }
  session_.Send(stream_, MessagePrefix(message.size()));
  session_.Send(stream_, message);
}

void StreamServerCall::Finish(const absl::Status& status) {
  if (!EndOnce()) return;
  SendStatus(status);
}

void StreamServerCall::Drop() {
  if (EndOnce()) session_.Reset(stream_, Http2Error::kEnhanceYourCalm);
}

void StreamServerCall::SendStatus(const absl::Status& status) {
  if (!responded_) {
    return RespondWithStatus(session_, stream_, "200", status);
  }
  HeaderList trailers;
  AppendStatus(status, trailers);
  session_.End(stream_, std::move(trailers));
}

bool StreamServerCall::EndOnce() {
  if (is_over_) return false;
  is_over_ = true;
  loop_.Cancel(std::exchange(deadline_, 0));
  over_();
  return true;
}

}  // namespace holdfast::rpc
