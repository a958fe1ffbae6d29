#include "hack/local_agent/client.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/errors.h"
#include "base/unique_fd.h"
#include "grpcpp/create_channel_posix.h"

namespace holdfast::hack {
namespace {

constexpr char kDetailsPayload[] = "google.rpc.Status";

absl::StatusOr<UniqueFd> Dial(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path))
    return absl::InvalidArgumentError(absl::StrCat("socket path: ", path));
  memcpy(address.sun_path, path.data(), path.size());
  UniqueFd socket_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket_fd) return ErrnoStatus(errno, "socket", path);
  if (connect(socket_fd.get(), reinterpret_cast<sockaddr*>(&address),
              sizeof(address)) != 0) {
    return ErrnoStatus(errno, "connect", path);
  }
  if (fcntl(socket_fd.get(), F_SETFL, O_NONBLOCK) != 0)
    return ErrnoStatus(errno, "fcntl", path);
  return socket_fd;
}

absl::Status ListenedFor(const UniqueFd& connected, pid_t listener) {
  ucred peer = {};
  socklen_t size = sizeof peer;
  if (getsockopt(connected.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return ErrnoStatus(errno, "getsockopt", "SO_PEERCRED");
  if (peer.pid == listener) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("process ", peer.pid, " listens, not ", listener));
}

}  // namespace

// A gRPC channel backs off 100 ms and more between its attempts, which would
// be most of what a restart takes; so the first connection is our own.
absl::StatusOr<std::unique_ptr<Client>> Client::Connect(
    const std::string& socket_path, absl::Duration timeout,
    std::optional<pid_t> listener) {
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    absl::StatusOr<UniqueFd> connected = Dial(socket_path);
    if (connected.ok() && listener) {
      const absl::Status right = ListenedFor(*connected, *listener);
      if (!right.ok()) connected = right;
    }
    if (connected.ok()) {
      return std::unique_ptr<Client>(new Client(
          grpc::CreateInsecureChannelFromFd("agent", connected->Release())));
    }
    if (absl::Now() > deadline)
      return absl::DeadlineExceededError(connected.status().message());
    absl::SleepFor(absl::Milliseconds(1));
  }
}

absl::Status Client::ToAbsl(const grpc::Status& status) {
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
  // A connection that is lost has none.
  if (!status.error_details().empty()) {
    result.SetPayload(kDetailsPayload, absl::Cord(status.error_details()));
  }
  return result;
}

bool Client::MayTryAgain(const absl::Status& status) {
  return absl::IsUnavailable(status) &&
         status.GetPayload(kDetailsPayload).has_value();
}

}  // namespace holdfast::hack
