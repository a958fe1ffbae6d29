#include "plugin/recovery/shim_probe.h"

#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/unix_socket.h"

namespace holdfast {
namespace {

// RFC 9113: the client's preface and its SETTINGS, which are empty; a server
// answers with its own.
constexpr char kHello[] =
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    "\0\0\0\4\0\0\0\0\0";
constexpr size_t kFrameHeadBytes = 9;

bool Answers(int connection, absl::Duration patience) {
  if (send(connection, kHello, sizeof kHello - 1, MSG_NOSIGNAL) < 0) {
    return false;
  }
  const absl::Duration until = SystemClock().SinceBoot() + patience;
  size_t got = 0;
  while (got < kFrameHeadBytes) {
    const absl::Duration left = until - SystemClock().SinceBoot();
    pollfd ready = {.fd = connection, .events = POLLIN, .revents = 0};
    if (left <= absl::ZeroDuration() ||
        poll(&ready, 1,
             1 + static_cast<int>(absl::ToInt64Milliseconds(left))) <= 0) {
      return false;
    }
    char bytes[256];
    const ssize_t size = recv(connection, bytes, sizeof bytes, MSG_DONTWAIT);
    if (size <= 0) return false;
    got += static_cast<size_t>(size);
  }
  return true;
}

}  // namespace

ShimState ProbeShim(Files& files, const std::string& socket,
                    const std::string& journal, absl::Duration patience) {
  const absl::StatusOr<UniqueFd> connection = ConnectUnix(socket);
  if (connection.ok()) {
    return Answers(connection->get(), patience) ? ShimState::kAnswers
                                                : ShimState::kSilent;
  }
  const absl::StatusOr<std::unique_ptr<File>> file =
      files.Open(journal, Files::Mode::kReadOnly);
  // What cannot be opened can be held by nobody that matters.
  if (!file.ok()) return ShimState::kDead;
  return absl::IsUnavailable((*file)->TryLock()) ? ShimState::kSilent
                                                 : ShimState::kDead;
}

}  // namespace holdfast
