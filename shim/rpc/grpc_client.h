#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace holdfast::rpc {

// One call as its client sees it; it lives until OnDone() returned.
class ClientCall {
 public:
  virtual ~ClientCall() = default;
  virtual void Send(absl::string_view message) = 0;
  virtual void HalfClose() = 0;
  // RST_STREAM; OnDone(Cancelled) follows before this returns.
  virtual void Cancel() = 0;
};

struct ClientCallEvents {
  std::function<void(absl::string_view)> on_message;
  // Exactly once, last: the server's status, DeadlineExceeded, or Unavailable
  // when the connection was lost.
  std::function<void(absl::Status)> on_done;
};

// The client's side of one gRPC connection, in the loop, without threads: how
// the plugin holds a thousand shims. Callbacks come from the loop, never from
// within a call to this class (but see Cancel); each may destroy the client. A
// server that is stopped or hung costs its calls their deadlines and no more.
// A message beyond 64 MiB ends its call with ResourceExhausted. An error's
// payload "holdfast/reason" is the server's (grpc_server.h, Finish).
class GrpcClient {
 public:
  // `on_lost` is called once when the connection is gone, after every open
  // call's on_done; the client may be destroyed in it.
  GrpcClient(EventLoop& loop, UniqueFd connected,
             std::function<void(absl::Status)> on_lost);
  ~GrpcClient();  // calls nothing back

  // A stream. `timeout` infinite: no deadline. The pointer is owned by the
  // client. After the connection is lost: on_done comes from the loop.
  ClientCall* Start(absl::string_view path, absl::Duration timeout,
                    ClientCallEvents events);
  // One message each way.
  void Unary(absl::string_view path, absl::string_view request,
             absl::Duration timeout,
             std::function<void(absl::StatusOr<std::string>)> on_done);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::rpc
