#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/event_loop.h"
#include "shim/rpc/grpc_server.h"
#include "shim/rpc/http2_session.h"
#include "shim/rpc/message_framer.h"

namespace holdfast::rpc {

// One call between its stream and its handler. It is over once: by Finish(),
// or with the handler's OnGone(); what comes later changes nothing. Handlers
// are never destroyed under their own feet: `over` is told, and the owner
// destroys the call, and the handler with it, from the loop.
class StreamServerCall final : public ServerCall {
 public:
  StreamServerCall(EventLoop& loop, Http2Session& session, int32_t stream,
                   uint64_t connection, size_t max_message_bytes,
                   std::function<void()> over);
  ~StreamServerCall() override;

  // Makes the handler. An infinite timeout: no deadline.
  void Begin(const GrpcServer::Method& method, absl::Duration timeout);

  // From the session, until the call is over.
  void TakeData(absl::string_view bytes);
  void TakeEnd();
  void Gone();

  void Send(absl::string_view message) override;
  void Finish(const absl::Status& status) override;
  void Drop() override;
  size_t unsent_bytes() const override {
    return session_.unsent_bytes(stream_);
  }
  uint64_t connection() const override { return connection_; }

 private:
  void DeadlinePassed();
  void Refuse(const absl::Status& status);
  void SendStatus(const absl::Status& status);
  bool EndOnce();

  EventLoop& loop_;
  Http2Session& session_;
  const int32_t stream_;
  const uint64_t connection_;
  MessageFramer framer_;
  std::function<void()> over_;
  EventLoop::TimerId deadline_ = 0;
  bool is_over_ = false;
  bool responded_ = false;  // the response's headers are given
  std::unique_ptr<CallHandler> handler_;
};

// Answers a stream that gets no handler: a response of trailers alone.
void RespondWithStatus(Http2Session& session, int32_t stream,
                       absl::string_view http_status,
                       const absl::Status& status);

}  // namespace holdfast::rpc
