#pragma once

#include <cstddef>
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

// What one call's handler may do; valid from the handler's making until its
// OnGone() or Finish() returned. Everything happens on the loop's thread.
class ServerCall {
 public:
  virtual ~ServerCall() = default;
  // Queues a message; it is sent as flow control allows.
  virtual void Send(absl::string_view message) = 0;
  // Ends the call with trailers after all that was sent. The handler is
  // destroyed from the loop, after the current callback has returned. The
  // status travels as code, text and one payload, a machine-readable reason:
  // "holdfast/reason" goes as the trailer "holdfast-reason", and GrpcClient
  // restores it.
  virtual void Finish(const absl::Status& status) = 0;
  // Ends the call of a client that does not read: what is queued is dropped,
  // and the client hears RESOURCE_EXHAUSTED. Else like Finish().
  virtual void Drop() = 0;
  // Bytes queued and not yet taken by the socket, for back-pressure.
  virtual size_t unsent_bytes() const = 0;
  // A number of the connection, the same for all of its calls, never reused.
  virtual uint64_t connection() const = 0;
};

// One call, unary or streaming, as its server sees it.
class CallHandler {
 public:
  virtual ~CallHandler() = default;
  // A whole message, at most ServerOptions::max_message_bytes.
  virtual void OnMessage(absl::string_view message) = 0;
  // The client sends no more.
  virtual void OnHalfClose() {}
  // The client cancelled, its deadline passed, the connection is lost, or what
  // it sent can't be taken (too long, compressed, cut short); the call is over,
  // the handler is destroyed next. Not called after Finish().
  virtual void OnGone() {}
};

struct ServerOptions {
  size_t max_message_bytes = 4 * 1024 * 1024;  // RESOURCE_EXHAUSTED beyond
  uint32_t max_streams = 100;                  // of one connection
  // A connection that has not sent a whole HTTP/2 preface by then is closed.
  absl::Duration preface_timeout = absl::Seconds(10);
  size_t max_connections = 64;  // further ones wait in the listen queue
};

// gRPC over HTTP/2 on a stream socket, in the loop, without threads: what
// stock gRPC clients expect of a server (deadlines, cancellation, GOAWAY, PING,
// UNIMPLEMENTED, trailers-only errors, grpc-status-details-bin left out). No
// compression: "identity" only. Damaged input costs its connection, never the
// process; an idle connection costs no wake-up.
class GrpcServer {
 public:
  using Method = std::function<std::unique_ptr<CallHandler>(ServerCall& call)>;

  // Answers one message with one.
  using UnaryMethod = std::function<absl::StatusOr<std::string>(
      absl::string_view request, ServerCall& call)>;

  explicit GrpcServer(EventLoop& loop, ServerOptions options = {});
  // Closes every connection and destroys the handlers; calls nothing back.
  // Not from within a handler.
  ~GrpcServer();

  // `path` as on the wire: "/holdfast.v1.Shim/Attach".
  void AddMethod(absl::string_view path, Method method);
  // A method that takes one message and answers with one: `method` returns
  // the response's bytes.
  void AddUnary(absl::string_view path, UnaryMethod method);

  // Accepts from `listening` from now on. FailedPrecondition: it has one.
  absl::Status Listen(UniqueFd listening);
  // Serves one that is connected already. Returns its number.
  absl::StatusOr<uint64_t> Serve(UniqueFd connected);
  // Called with the number of each connection that is gone, after its calls.
  void OnConnectionClosed(std::function<void(uint64_t)> callback);

  // Refuses what is new, lets the calls end (GOAWAY), and calls `done` when
  // all that was queued is sent or nobody is left to take it.
  void Drain(std::function<void()> done);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::rpc
