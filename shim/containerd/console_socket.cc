#include "shim/containerd/console_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/unix_socket.h"

namespace holdfast::containerd {
namespace {

constexpr char kName[] = "/pty";
constexpr char kPattern[] = "/.console-XXXXXX";

// What came with one message, close-on-exec; all but the first are closed.
UniqueFd FdOf(msghdr& message) {
  UniqueFd first;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      UniqueFd owned(fd);
      if (!first) first = std::move(owned);
    }
  }
  return first;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ConsoleSocket>> ConsoleSocket::Create(
    EventLoop& loop, const std::string& directory) {
  const size_t length = directory.size() + strlen(kPattern) + strlen(kName);
  std::string made =
      absl::StrCat(length <= kMaxSocketPath ? directory : "/tmp", kPattern);
  if (mkdtemp(made.data()) == nullptr) {
    return ErrnoStatus(errno, "mkdtemp", made);
  }
  std::unique_ptr<ConsoleSocket> socket(
      new ConsoleSocket(loop, std::move(made)));
  HOLDFAST_RETURN_IF_ERROR(socket->Listen());
  return socket;
}

ConsoleSocket::ConsoleSocket(EventLoop& loop, std::string directory)
    : loop_(loop),
      directory_(std::move(directory)),
      path_(absl::StrCat(directory_, kName)) {}

ConsoleSocket::~ConsoleSocket() {
  if (listener_) loop_.Unwatch(listener_.get());
  if (connection_) loop_.Unwatch(connection_.get());
  unlink(path_.c_str());
  rmdir(directory_.c_str());
}

absl::Status ConsoleSocket::Listen() {
  HOLDFAST_ASSIGN_OR_RETURN(listener_, ListenUnix(path_, {}));
  return loop_.Watch(listener_.get(), EPOLLIN,
                     [this](uint32_t) { OnConnection(); });
}

void ConsoleSocket::OnConnection() {
  UniqueFd connection(
      accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!connection) return;  // gone again; or more come than one is asked for
  if (connection_) return;
  connection_ = std::move(connection);
  const absl::Status watched = loop_.Watch(connection_.get(), EPOLLIN,
                                           [this](uint32_t) { OnMessage(); });
  if (!watched.ok()) Deliver(watched);
}

void ConsoleSocket::OnMessage() {
  char name[4096];  // the terminal's, in words
  iovec part = {.iov_base = name, .iov_len = sizeof name};
  alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))];
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got =
      recvmsg(connection_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got < 0) return Deliver(ErrnoStatus(errno, "recvmsg", path_));
  UniqueFd master = FdOf(message);
  if (!master) {
    return Deliver(absl::UnknownError(
        absl::StrCat("the runtime sent no terminal to ", path_)));
  }
  Deliver(std::move(master));
}

void ConsoleSocket::Deliver(absl::StatusOr<UniqueFd> master) {
  loop_.Unwatch(connection_.get());
  loop_.Unwatch(listener_.get());
  if (const OnMaster on_master = std::exchange(on_master_, nullptr)) {
    on_master(std::move(master));
  }
}

}  // namespace holdfast::containerd
