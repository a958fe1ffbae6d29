#include "plugin/ctl/client.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/errors.h"
#include "base/unique_fd.h"
#include "grpc/grpc.h"
#include "grpcpp/create_channel_posix.h"
#include "grpcpp/support/channel_arguments.h"
#include "plugin/ctl/failure.h"

namespace holdfast::ctl {
namespace {

// A daemon that does not accept for this long is as good as none.
constexpr timeval kConnectTimeout = {.tv_sec = 5, .tv_usec = 0};

// SocketPath() has seen to it that `path` fits.
absl::StatusOr<UniqueFd> Dial(const std::string& path) {
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof(name.sun_path) - 1);
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return ErrnoStatus(errno, "socket", "unix");
  if (setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kConnectTimeout,
                 sizeof(kConnectTimeout)) != 0) {
    return ErrnoStatus(errno, "setsockopt", "SO_SNDTIMEO");
  }
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&name),
              sizeof(name)) != 0) {
    return Unreachable(path, errno == EAGAIN ? ETIMEDOUT : errno);
  }
  if (fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) {
    return ErrnoStatus(errno, "fcntl", "O_NONBLOCK");
  }
  return fd;
}

// Without its last channel gRPC takes down all of its threads, and has been
// seen to wait 10 s for one of them: it is to stay up while we dial again.
void KeepGrpcUp() {
  [[maybe_unused]] static const bool kept = (grpc_init(), true);
}

}  // namespace

absl::Status Client::Connect() {
  if (stub_ != nullptr) return absl::OkStatus();
  KeepGrpcUp();
  HOLDFAST_ASSIGN_OR_RETURN(UniqueFd fd, Dial(socket_path_));
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);  // a `ps` of ten thousand tasks
  stub_ = v1::Orchestrator::NewStub(grpc::CreateCustomInsecureChannelFromFd(
      "localhost", fd.Release(), arguments));
  return absl::OkStatus();
}

absl::Status Client::Try(
    absl::FunctionRef<grpc::Status(grpc::ClientContext*)> call) {
  HOLDFAST_RETURN_IF_ERROR(Connect());
  grpc::ClientContext context;
  const absl::Status status = FromGrpc(call(&context));
  if (IsDisconnected(status)) stub_.reset();
  return status;
}

}  // namespace holdfast::ctl
