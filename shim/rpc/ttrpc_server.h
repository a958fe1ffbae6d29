#pragma once

#include <cstdint>
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

struct TtrpcServerOptions {
  size_t max_connections = 1024;  // further ones wait in the listen queue
  // Of one connection; RESOURCE_EXHAUSTED beyond.
  size_t max_calls = 4096;
  // Bytes queued for a peer that does not read; then its connection is closed.
  size_t max_unsent_bytes = 32 * 1024 * 1024;
};

// ttrpc on a unix stream socket, in the loop, without threads. A connection
// that closes means to containerd that the shim is dead, so it is never closed
// for a request that is bad: that one is answered with an error. Only peers of
// our own effective user and group are served. An idle connection costs no
// wake-up. Bytes: ttrpc_frame.h.
class TtrpcServer {
 public:
  // Ends the call with the bytes of its response message, or with an error;
  // once, now or later, from the loop. Nothing happens where the caller is gone
  // or its deadline has passed. A response that is too long to be sent is
  // RESOURCE_EXHAUSTED to the caller.
  using Reply = std::function<void(absl::StatusOr<std::string>)>;
  using Method = std::function<void(absl::string_view request, Reply reply)>;

  explicit TtrpcServer(EventLoop& loop, TtrpcServerOptions options = {});
  // Closes every connection; no Reply that is still out does anything then.
  ~TtrpcServer();

  // "containerd.task.v2.Task", "Create". Others are UNIMPLEMENTED.
  void AddMethod(absl::string_view service, absl::string_view method,
                 Method handler);

  // Accepts from `listening` from now on. FailedPrecondition: it has one.
  absl::Status Listen(UniqueFd listening);
  // Serves one that is connected already; its number, never reused.
  absl::StatusOr<uint64_t> Serve(UniqueFd connected);

  // Called with the number of each new connection, and of each that is gone.
  void OnConnectionOpened(std::function<void(uint64_t)> callback);
  void OnConnectionClosed(std::function<void(uint64_t)> callback);
  // Called with the number of its connection, before each request is handled.
  void OnRequest(std::function<void(uint64_t)> callback);
  size_t connections() const;

  // Accepts no more, and calls `done` when what was answered is sent, or nobody
  // is left to take it. Calls that are still open are not waited for.
  void Drain(std::function<void()> done);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::rpc
