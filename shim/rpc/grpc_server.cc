#include "shim/rpc/grpc_server.h"

#include <utility>
#include <vector>

#include "base/errors.h"
#include "shim/rpc/acceptor.h"
#include "shim/rpc/server_connection.h"
#include "shim/rpc/unary_handler.h"

namespace holdfast::rpc {

class GrpcServer::Impl {
 public:
  Impl(EventLoop& loop, ServerOptions options)
      : context_{.loop = loop, .options = options, .methods = {}},
        acceptor_(
            loop,
            [this] {
              return connections_.size() < context_.options.max_connections;
            },
            [this](UniqueFd accepted) {
              return Serve(std::move(accepted)).status();
            }) {}
  ~Impl() { alive_.reset(); }

  absl::Status Listen(UniqueFd listening) {
    return acceptor_.Listen(std::move(listening));
  }
  absl::StatusOr<uint64_t> Serve(UniqueFd connected);
  void Drain(std::function<void()> done);

  ServerContext context_;
  std::function<void(uint64_t)> on_closed_;

 private:
  void Lost(uint64_t number);
  void FinishDrain();

  Acceptor acceptor_;
  uint64_t next_number_ = 1;
  absl::flat_hash_map<uint64_t, std::unique_ptr<ServerConnection>> connections_;
  bool draining_ = false;
  std::vector<std::function<void()>> drained_;  // told when all are gone
  std::shared_ptr<Impl*> alive_ = std::make_shared<Impl*>(this);
};

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
  acceptor_.Resume();
  if (connections_.empty()) FinishDrain();
  const std::function<void(uint64_t)> on_closed = on_closed_;
  if (on_closed) on_closed(number);  // may destroy this
}

void GrpcServer::Impl::Drain(std::function<void()> done) {
  drained_.push_back(std::move(done));
  draining_ = true;
  acceptor_.Close();
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
