#include "tests/integration/raw_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace holdfast {

RawSocket::RawSocket(const std::string& path)
    : socket_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  EXPECT_LT(path.size(), sizeof(address.sun_path));
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  EXPECT_EQ(connect(socket_.get(), reinterpret_cast<sockaddr*>(&address),
                    sizeof(address)),
            0)
      << path << ": " << strerrordesc_np(errno);
  // A peer that reads no more must not keep the test.
  const timeval patience = {.tv_sec = 5, .tv_usec = 0};
  setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience,
             sizeof(patience));
}

bool RawSocket::Send(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent =
        send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool RawSocket::WaitForClose(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (absl::Now() < deadline) {
    pollfd readable = {.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (poll(&readable, 1, 100) <= 0) continue;
    char buffer[4096];
    if (recv(socket_.get(), buffer, sizeof(buffer), 0) <= 0) return true;
  }
  return false;
}

int RawSocket::ReleaseNonBlocking() {
  EXPECT_EQ(fcntl(socket_.get(), F_SETFL, O_NONBLOCK), 0);
  return socket_.Release();
}

}  // namespace holdfast
