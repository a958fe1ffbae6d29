#include "shim/rpc/ttrpc_server.h"

#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/errors.h"
#include "shim/rpc/acceptor.h"
#include "shim/rpc/ttrpc_connection.h"

namespace holdfast::rpc {

class TtrpcServer::Impl {
 public:
  Impl(EventLoop& loop, TtrpcServerOptions options);
  ~Impl();

  absl::StatusOr<uint64_t> Serve(UniqueFd connected);
  void Drain(std::function<void()> done);

  const std::shared_ptr<TtrpcContext> context_;
  Acceptor acceptor_;
  absl::flat_hash_map<uint64_t, std::shared_ptr<TtrpcConnection>> connections_;
  std::function<void(uint64_t)> on_opened_;
  std::function<void(uint64_t)> on_closed_;

 private:
  void Lost(uint64_t number);
  bool AllSent() const;
  void CheckDrained();

  uint64_t next_number_ = 1;
  bool draining_ = false;
  std::vector<std::function<void()>> drained_;  // told when all is sent
  std::shared_ptr<Impl*> alive_ = std::make_shared<Impl*>(this);
};

TtrpcServer::Impl::Impl(EventLoop& loop, TtrpcServerOptions options)
    : context_(std::make_shared<TtrpcContext>(
          TtrpcContext{loop, options, /*services=*/{}, /*on_request=*/{}})),
      acceptor_(
          loop,
          [this] {
            return connections_.size() < context_->options.max_connections;
          },
          [this](UniqueFd accepted) {
            return Serve(std::move(accepted)).status();
          }) {}

TtrpcServer::Impl::~Impl() {
  for (const auto& [number, connection] : connections_) connection->Close();
}

absl::StatusOr<uint64_t> TtrpcServer::Impl::Serve(UniqueFd connected) {
  if (draining_) return absl::FailedPreconditionError("serve: draining");
  const uint64_t number = next_number_++;
  auto connection = std::make_shared<TtrpcConnection>(
      context_, number, [this] { CheckDrained(); },
      [this, number] { Lost(number); });
  HOLDFAST_RETURN_IF_ERROR(connection->Start(std::move(connected)));
  connections_[number] = std::move(connection);
  if (on_opened_) on_opened_(number);
  return number;
}

void TtrpcServer::Impl::Lost(uint64_t number) {
  connections_.extract(number);
  acceptor_.Resume();
  CheckDrained();
  const std::function<void(uint64_t)> on_closed = on_closed_;
  if (on_closed) on_closed(number);  // may destroy this
}

void TtrpcServer::Impl::Drain(std::function<void()> done) {
  drained_.push_back(std::move(done));
  draining_ = true;
  acceptor_.Close();
  CheckDrained();
}

bool TtrpcServer::Impl::AllSent() const {
  for (const auto& [number, connection] : connections_) {
    if (!connection->all_sent()) return false;
  }
  return true;
}

void TtrpcServer::Impl::CheckDrained() {
  if (drained_.empty() || !AllSent()) return;
  context_->loop.Post([weak = std::weak_ptr(alive_)] {
    const std::shared_ptr<Impl*> self = weak.lock();
    // More may have been answered meanwhile: then this comes again.
    if (self == nullptr || !(*self)->AllSent()) return;
    const auto drained = std::exchange((*self)->drained_, {});
    for (const std::function<void()>& done : drained) done();
  });
}

TtrpcServer::TtrpcServer(EventLoop& loop, TtrpcServerOptions options)
    : impl_(std::make_unique<Impl>(loop, options)) {}

TtrpcServer::~TtrpcServer() = default;

void TtrpcServer::AddMethod(absl::string_view service, absl::string_view method,
                            Method handler) {
  impl_->context_->services[service][method] = std::move(handler);
}

absl::Status TtrpcServer::Listen(UniqueFd listening) {
  return impl_->acceptor_.Listen(std::move(listening));
}

absl::StatusOr<uint64_t> TtrpcServer::Serve(UniqueFd connected) {
  return impl_->Serve(std::move(connected));
}

void TtrpcServer::OnConnectionOpened(std::function<void(uint64_t)> callback) {
  impl_->on_opened_ = std::move(callback);
}

void TtrpcServer::OnConnectionClosed(std::function<void(uint64_t)> callback) {
  impl_->on_closed_ = std::move(callback);
}

void TtrpcServer::OnRequest(std::function<void(uint64_t)> callback) {
  impl_->context_->on_request = std::move(callback);
}

size_t TtrpcServer::connections() const { return impl_->connections_.size(); }

void TtrpcServer::Drain(std::function<void()> done) {
  impl_->Drain(std::move(done));
}

}  // namespace holdfast::rpc
