#include "shim/rpc/grpc_server.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/log.h"
#include "shim/rpc/server_connection.h"
#include "shim/rpc/unary_handler.h"

namespace holdfast::rpc {
namespace {

// How long accepting rests when the process is out of descriptors or memory.
constexpr absl::Duration kAcceptPause = absl::Seconds(1);

bool IsOfOneConnection(int error_number) {
  return error_number == EINTR || error_number == ECONNABORTED ||
         error_number == EPROTO;
}

}  // namespace

class GrpcServer::Impl {
 public:
  Impl(EventLoop& loop, ServerOptions options)
      : context_{.loop = loop, .options = options, .methods = {}} {}
  ~Impl();

  absl::Status Listen(UniqueFd listening);
  absl::StatusOr<uint64_t> Serve(UniqueFd connected);
  void Drain(std::function<void()> done);

  ServerContext context_;
  std::function<void(uint64_t)> on_closed_;

 private:
  void StartAccepting();
  void StopAccepting();
  void Accept();
  void PauseAccepting(int error_number);
  void Lost(uint64_t number);
  void FinishDrain();

  UniqueFd listening_;
  bool accepting_ = false;
  EventLoop::TimerId pause_ = 0;
  uint64_t next_number_ = 1;
  absl::flat_hash_map<uint64_t, std::unique_ptr<ServerConnection>> connections_;
  bool draining_ = false;
  std::vector<std::function<void()>> drained_;  // told when all are gone
  std::shared_ptr<Impl*> alive_ = std::make_shared<Impl*>(this);
};

GrpcServer::Impl::~Impl() {
  alive_.reset();
  StopAccepting();
}

absl::Status GrpcServer::Impl::Listen(UniqueFd listening) {
  if (listening_) return absl::FailedPreconditionError("listen: does already");
  const int flags = fcntl(listening.get(), F_GETFL);
  if (flags < 0 || fcntl(listening.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return ErrnoStatus(errno, "fcntl", "listening socket");
  }
  listening_ = std::move(listening);
  StartAccepting();
  return accepting_ ? absl::OkStatus()
                    : absl::InternalError("listen: the socket is not watched");
}

void GrpcServer::Impl::StartAccepting() {
  if (!listening_ || accepting_ || draining_ || pause_ != 0 ||
      connections_.size() >= context_.options.max_connections) {
    return;
  }
  accepting_ = context_.loop
                   .Watch(listening_.get(), EPOLLIN,
                          [this](uint32_t /*events*/) { Accept(); })
                   .ok();
}

void GrpcServer::Impl::StopAccepting() {
  context_.loop.Cancel(std::exchange(pause_, 0));
  if (std::exchange(accepting_, false)) context_.loop.Unwatch(listening_.get());
}

void GrpcServer::Impl::Accept() {
  while (connections_.size() < context_.options.max_connections) {
    UniqueFd accepted(accept4(listening_.get(), nullptr, nullptr,
                              SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!accepted) {
      if (IsOfOneConnection(errno)) continue;
      if (errno != EAGAIN) PauseAccepting(errno);
      return;
    }
    const absl::StatusOr<uint64_t> number = Serve(std::move(accepted));
    if (!number.ok()) {
      Log(Severity::kWarning, "a connection was not served",
          {{"error", number.status().message()}});
    }
  }
  StopAccepting();  // until a connection is gone
}

// The listening socket stays readable, so that watching it would spin.
void GrpcServer::Impl::PauseAccepting(int error_number) {
  Log(Severity::kWarning, "accepting rests",
      {{"error",
        ErrnoStatus(error_number, "accept4", "rpc socket").message()}});
  StopAccepting();
  pause_ = context_.loop.After(kAcceptPause, [this] {
    pause_ = 0;
    StartAccepting();
  });
}

absl::StatusOr<uint64_t> GrpcServer::Impl::Serve(UniqueFd connected) {
  if (draining_) return absl::FailedPreconditionError("serve: draining");
  const uint64_t number = next_number_++;
  auto connection = std::make_unique<ServerConnection>(
      context_, number, [this, number] { Lost(number); });
  HOLDFAST_RETURN_IF_ERROR(connection->Start(std::move(connected)));
  connections_[number] = std::move(connection);
  return number;
}

void GrpcServer::Impl::Lost(uint64_t number) {
  connections_.extract(number);
  StartAccepting();
  if (connections_.empty()) FinishDrain();
  const std::function<void(uint64_t)> on_closed = on_closed_;
  if (on_closed) on_closed(number);  // may destroy this
}

void GrpcServer::Impl::Drain(std::function<void()> done) {
  drained_.push_back(std::move(done));
  draining_ = true;
  StopAccepting();
  listening_.Reset();
  for (const auto& [number, connection] : connections_) connection->Drain();
  if (connections_.empty()) FinishDrain();
}

void GrpcServer::Impl::FinishDrain() {
  if (drained_.empty()) return;
  context_.loop.Post([weak = std::weak_ptr(alive_)] {
    const std::shared_ptr<Impl*> self = weak.lock();
    if (self == nullptr) return;
    const auto drained = std::exchange((*self)->drained_, {});
    for (const std::function<void()>& done : drained) done();
  });
}

GrpcServer::GrpcServer(EventLoop& loop, ServerOptions options)
    : impl_(std::make_unique<Impl>(loop, options)) {}

GrpcServer::~GrpcServer() = default;

void GrpcServer::AddMethod(absl::string_view path, Method method) {
  impl_->context_.methods[path] = std::move(method);
}

void GrpcServer::AddUnary(absl::string_view path, UnaryMethod method) {
  AddMethod(path, MethodOfUnary(std::move(method)));
}

absl::Status GrpcServer::Listen(UniqueFd listening) {
  return impl_->Listen(std::move(listening));
}

absl::StatusOr<uint64_t> GrpcServer::Serve(UniqueFd connected) {
  return impl_->Serve(std::move(connected));
}

void GrpcServer::OnConnectionClosed(std::function<void(uint64_t)> callback) {
  impl_->on_closed_ = std::move(callback);
}

void GrpcServer::Drain(std::function<void()> done) {
  impl_->Drain(std::move(done));
}

}  // namespace holdfast::rpc
