#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <string>
#include <thread>

#include "base/unix_socket.h"

namespace holdfast {

// A shim as far as a probe sees one: it listens, and if it is awake it answers
// whoever connects with an HTTP/2 SETTINGS frame.
class ListeningShim {
 public:
  ListeningShim(const std::string& socket, bool awake)
      : listening_(ListenUnix(socket, SocketOwner()).value()) {
    if (awake) thread_ = std::thread([this] { AnswerAll(); });
  }
  ~ListeningShim() {
    shutdown(listening_.get(), SHUT_RDWR);  // wakes accept
    if (thread_.joinable()) thread_.join();
  }

 private:
  void AnswerAll() {
    for (;;) {
      pollfd ready = {.fd = listening_.get(), .events = POLLIN, .revents = 0};
      if (poll(&ready, 1, -1) < 0) return;
      const UniqueFd peer(
          accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer) return;
      char hello[256];
      (void)!recv(peer.get(), hello, sizeof hello, 0);
      const char settings[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
      (void)!send(peer.get(), settings, sizeof settings, MSG_NOSIGNAL);
    }
  }

  UniqueFd listening_;
  std::thread thread_;
};

}  // namespace holdfast
