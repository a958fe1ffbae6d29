#include "shim/rpc/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <utility>

#include "base/errors.h"
#include "base/log.h"

namespace holdfast::rpc {
namespace {

constexpr absl::Duration kRest = absl::Seconds(1);

bool IsOfOneConnection(int error_number) {
  return error_number == EINTR || error_number == ECONNABORTED ||
         error_number == EPROTO;
}

}  // namespace

Acceptor::Acceptor(EventLoop& loop, std::function<bool()> has_room,
                   std::function<absl::Status(UniqueFd)> serve)
    : loop_(loop), has_room_(std::move(has_room)), serve_(std::move(serve)) {}

Acceptor::~Acceptor() { Pause(); }

absl::Status Acceptor::Listen(UniqueFd listening) {
  if (closed_) return absl::FailedPreconditionError("listen: draining");
  if (listening_) return absl::FailedPreconditionError("listen: does already");
  const int flags = fcntl(listening.get(), F_GETFL);
  if (flags < 0 || fcntl(listening.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return ErrnoStatus(errno, "fcntl", "listening socket");
  }
  listening_ = std::move(listening);
  Resume();
  return accepting_ || !has_room_()
             ? absl::OkStatus()
             : absl::InternalError("listen: the socket is not watched");
}

void Acceptor::Resume() {
  if (!listening_ || accepting_ || rest_ != 0 || !has_room_()) return;
  accepting_ = loop_
                   .Watch(listening_.get(), EPOLLIN,
                          [this](uint32_t /*events*/) { Accept(); })
                   .ok();
}

void Acceptor::Pause() {
  loop_.Cancel(std::exchange(rest_, 0));
  if (std::exchange(accepting_, false)) loop_.Unwatch(listening_.get());
}

void Acceptor::Close() {
  Pause();
  closed_ = true;
  listening_.Reset();
}

void Acceptor::Accept() {
  while (accepting_ && has_room_()) {
    UniqueFd accepted(accept4(listening_.get(), nullptr, nullptr,
                              SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!accepted) {
      if (IsOfOneConnection(errno)) continue;
      if (errno != EAGAIN) Rest(errno);
      return;
    }
    const absl::Status served = serve_(std::move(accepted));
    if (!served.ok()) {
      Log(Severity::kWarning, "a connection was not served",
          {{"error", served.message()}});
    }
  }
  Pause();  // until a connection is gone
}

// The listening socket stays readable, so that watching it would spin.
void Acceptor::Rest(int error_number) {
  Log(Severity::kWarning, "accepting rests",
      {{"error",
        ErrnoStatus(error_number, "accept4", "rpc socket").message()}});
  Pause();
  rest_ = loop_.After(kRest, [this] {
    rest_ = 0;
    Resume();
  });
}

}  // namespace holdfast::rpc
