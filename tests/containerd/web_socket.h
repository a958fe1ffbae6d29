#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/unique_fd.h"

namespace holdfast::containerd {

// The calling end of a WebSocket (RFC 6455): messages each way, and pings are
// answered. Nothing of the peer's is believed for its own sake: who uses it
// sees whether what comes back is right.
class WebSocket {
 public:
  // `url`: "http://127.0.0.1:PORT/PATH". `protocol`: the one that the server is
  // asked for and must take.
  // Unavailable: nobody accepts. FailedPrecondition: it does not upgrade; its
  // answer is in the text.
  static absl::StatusOr<std::unique_ptr<WebSocket>> Connect(
      const std::string& url, const std::string& protocol);

  absl::Status Send(absl::string_view message);

  // DeadlineExceeded: none until `deadline`. OutOfRange: the server has ended
  // it. Internal: it sent what is no frame of a server.
  absl::StatusOr<std::string> Receive(absl::Time deadline);

 private:
  struct Frame {
    bool last = false;
    int opcode = 0;
    std::string data;
  };

  explicit WebSocket(UniqueFd fd) : fd_(std::move(fd)) {}

  absl::Status Upgrade(const std::string& host, const std::string& path,
                       const std::string& protocol);
  absl::Status SendFrame(int opcode, absl::string_view data);
  absl::StatusOr<Frame> ReceiveFrame(absl::Time deadline);
  // Takes `size` bytes, once they are there.
  absl::StatusOr<std::string> Take(size_t size, absl::Time deadline);
  absl::Status ReadSome(absl::Time deadline);

  UniqueFd fd_;
  std::string received_;  // and not taken yet
};

}  // namespace holdfast::containerd
