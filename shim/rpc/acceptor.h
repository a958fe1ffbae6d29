#pragma once

#include <functional>

#include "absl/status/status.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace holdfast::rpc {

// Takes connections off a listening socket, in the loop, as long as there is
// room for them; the others wait in the socket's queue. Rests for a second when
// the process is out of descriptors or memory.
class Acceptor {
 public:
  // `serve` gets each connection, close-on-exec and non-blocking; what it
  // returns is logged. Neither may destroy the acceptor.
  Acceptor(EventLoop& loop, std::function<bool()> has_room,
           std::function<absl::Status(UniqueFd)> serve);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // FailedPrecondition: it has a socket, or was closed.
  absl::Status Listen(UniqueFd listening);
  // To be called when there may be room again.
  void Resume();
  // Accepts no more, and closes the socket.
  void Close();

 private:
  void Pause();
  void Accept();
  void Rest(int error_number);

  EventLoop& loop_;
  std::function<bool()> has_room_;
  std::function<absl::Status(UniqueFd)> serve_;
  UniqueFd listening_;
  bool accepting_ = false;
  bool closed_ = false;
  EventLoop::TimerId rest_ = 0;
};

}  // namespace holdfast::rpc
