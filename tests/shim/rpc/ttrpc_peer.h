#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "shim/rpc/ttrpc_frame.h"
#include "shim/rpc/ttrpc_server.h"

namespace holdfast::rpc {

inline constexpr char kTtrpcService[] = "test.Service";

// One end of a socket, written by hand, and read without waiting.
class TtrpcPeer {
 public:
  explicit TtrpcPeer(UniqueFd fd) : fd_(std::move(fd)) {}

  // What the socket does not take now goes with the next Read().
  void Write(absl::string_view bytes);
  // A request to a method of the test's service.
  void Request(uint32_t stream, absl::string_view method,
               absl::string_view payload = "",
               absl::Duration timeout = absl::InfiniteDuration());
  // Reads what is there, and writes what waits.
  void Read();
  void Close() { fd_.Reset(); }
  void CloseWriting();

  bool closed() const { return closed_; }  // by the other end
  bool all_written() const { return unsent_.empty(); }
  const std::vector<TtrpcFramer::Frame>& frames() const { return frames_; }
  // What the responses for `stream` said so far.
  std::vector<absl::StatusOr<std::string>> Answers(uint32_t stream) const;

 private:
  void WriteUnsent();

  UniqueFd fd_;
  std::string unsent_;
  bool closed_ = false;
  TtrpcFramer framer_;
  std::vector<TtrpcFramer::Frame> frames_;
};

// A server in a loop, with methods to try it with:
//   Echo  answers with the request
//   Fail  answers NotFound, with the request as its text
//   Hold  answers when the test does
class TtrpcServing {
 public:
  explicit TtrpcServing(TtrpcServerOptions options = {},
                        const Clock& clock = SystemClock());

  // A new connection.
  TtrpcPeer Connect();
  // Turns the loop until `peer` has so many frames or is closed; false: it
  // took too long.
  bool AwaitFrames(TtrpcPeer& peer, size_t frames);
  bool AwaitClosed(TtrpcPeer& peer);
  // Asks Echo on a stream of its own.
  bool IsServed(TtrpcPeer& peer, uint32_t stream);

  struct Held {
    std::string request;
    TtrpcServer::Reply reply;
  };

  std::unique_ptr<EventLoop> loop;
  std::unique_ptr<TtrpcServer> server;
  std::vector<Held> held;
  std::vector<uint64_t> opened;
  std::vector<uint64_t> closed;
  int requests = 0;
};

}  // namespace holdfast::rpc
