#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "api/executor.pb.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "shim/rpc/grpc_client.h"

namespace holdfast {

// A custom executor's stream of api/executor.proto, to one life of its shim.
// Threads take turns with it and its loop under a lock of theirs. What comes
// is kept until it is taken; nothing is called back.
class ExecutorStream {
 public:
  ExecutorStream(EventLoop& loop, UniqueFd connected);

  // Writes to the socket here and now. What that does not take is sent from
  // the loop. After the end: nothing.
  void Send(const v1::ExecutorCall& call);

  bool has_news() const { return !events_.empty() || ended_; }
  std::vector<v1::ExecutorEvent> TakeEvents();
  // How the stream ended, if it has; what came before is among the events.
  const absl::optional<absl::Status>& ended() const { return ended_; }

 private:
  void OnMessage(absl::string_view bytes);

  EventLoop& loop_;
  std::vector<v1::ExecutorEvent> events_;
  absl::optional<absl::Status> ended_;
  rpc::GrpcClient client_;
  rpc::ClientCall* call_ = nullptr;  // valid until `ended_`
};

}  // namespace holdfast
