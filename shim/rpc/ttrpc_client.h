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
#include "shim/rpc/ttrpc_messages.h"

namespace holdfast::rpc {

// The calling end of ttrpc, for events: unary calls on one connection, any
// number at once. All on the loop's thread.
class TtrpcClient {
 public:
  using Metadata = TtrpcMetadata;  // pairs of key and value
  using Done = std::function<void(absl::StatusOr<std::string>)>;

  TtrpcClient(EventLoop& loop, UniqueFd connected);
  // Calls nothing back.
  ~TtrpcClient();

  // `done` comes once, from the loop, never from within Call: with the bytes
  // of the response, with the server's error, with DeadlineExceeded when
  // `timeout` has passed (the server is told of it, too), or with Unavailable:
  // the connection is lost, and whether the call was handled is unknown.
  // ResourceExhausted: the request is too long; it was not sent.
  void Call(absl::string_view service, absl::string_view method,
            absl::string_view payload, absl::Duration timeout,
            const Metadata& metadata, Done done);

  // False: every further call is Unavailable.
  bool connected() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::rpc
