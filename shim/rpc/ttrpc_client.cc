#include "shim/rpc/ttrpc_client.h"

#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "shim/rpc/ttrpc_channel.h"
#include "shim/rpc/ttrpc_messages.h"

namespace holdfast::rpc {
namespace {

// Requests, that is; then the server is taken for dead.
constexpr size_t kMaxUnsentBytes = size_t{32} * 1024 * 1024;

}  // namespace

class TtrpcClient::Impl final : private TtrpcChannel::Owner {
 public:
  Impl(EventLoop& loop, UniqueFd connected);
  ~Impl();

  void Call(absl::string_view data, absl::Duration timeout, Done done);
  bool connected() const {
    return channel_ != nullptr && channel_->connected();
  }

 private:
  struct OpenCall {
    Done done;
    EventLoop::TimerId deadline = 0;
  };
  using Calls = absl::flat_hash_map<uint32_t, OpenCall>;  // by stream

  void OnFrame(TtrpcFramer::Frame frame) override;
  void OnLost(const absl::Status& why) override;

  absl::Status CheckSendable(size_t bytes, absl::Duration timeout) const;
  void FinishFromLoop(uint32_t stream, absl::Status why);
  void Finish(uint32_t stream, absl::StatusOr<std::string> result);

  EventLoop& loop_;
  std::shared_ptr<TtrpcChannel> channel_;  // null: it could not be watched
  Calls calls_;
  uint32_t next_stream_ = 1;
  std::shared_ptr<Impl*> alive_ = std::make_shared<Impl*>(this);
};

TtrpcClient::Impl::Impl(EventLoop& loop, UniqueFd connected) : loop_(loop) {
  absl::StatusOr<std::shared_ptr<TtrpcChannel>> channel =
      TtrpcChannel::Start(loop, std::move(connected), kMaxUnsentBytes, *this);
  if (channel.ok()) channel_ = *std::move(channel);
}

TtrpcClient::Impl::~Impl() {
  if (channel_ != nullptr) channel_->Close();
  for (const auto& [stream, call] : calls_) loop_.Cancel(call.deadline);
}

void TtrpcClient::Impl::Call(absl::string_view data, absl::Duration timeout,
                             Done done) {
  const uint32_t stream = next_stream_;
  next_stream_ += 2;
  OpenCall& call = calls_[stream];
  call.done = std::move(done);
  const absl::Status sendable = CheckSendable(data.size(), timeout);
  if (!sendable.ok()) return FinishFromLoop(stream, sendable);
  if (timeout != absl::InfiniteDuration()) {
    call.deadline = loop_.After(timeout, [this, stream] {
      Finish(stream, absl::DeadlineExceededError("the call's deadline passed"));
    });
  }
  channel_->Send(TtrpcFrame(TtrpcType::kRequest, stream, data));
}

absl::Status TtrpcClient::Impl::CheckSendable(size_t bytes,
                                              absl::Duration timeout) const {
  if (bytes > kTtrpcMaxData) return TtrpcTooLong("the request", bytes);
  if (!connected()) return absl::UnavailableError("the connection is lost");
  if (timeout <= absl::ZeroDuration()) {
    return absl::DeadlineExceededError("the call has no time at all");
  }
  return absl::OkStatus();
}

void TtrpcClient::Impl::FinishFromLoop(uint32_t stream, absl::Status why) {
  loop_.Post([weak = std::weak_ptr(alive_), stream, why = std::move(why)] {
    if (const auto self = weak.lock()) (*self)->Finish(stream, why);
  });
}

void TtrpcClient::Impl::OnFrame(TtrpcFramer::Frame frame) {
  if (frame.header.type != static_cast<uint8_t>(TtrpcType::kResponse)) return;
  if (frame.too_long) {
    return Finish(frame.header.stream,
                  TtrpcTooLong("the response", frame.header.length));
  }
  Finish(frame.header.stream, DecodeTtrpcResponse(frame.data));
}

void TtrpcClient::Impl::OnLost(const absl::Status& why) {
  const Calls calls = std::exchange(calls_, {});
  for (const auto& [stream, call] : calls) loop_.Cancel(call.deadline);
  const std::weak_ptr<Impl*> alive = alive_;
  for (const auto& [stream, call] : calls) {
    if (alive.expired()) return;  // a callback destroyed the client
    call.done(absl::UnavailableError(why.message()));
  }
}

// May destroy this.
void TtrpcClient::Impl::Finish(uint32_t stream,
                               absl::StatusOr<std::string> result) {
  auto call = calls_.extract(stream);
  if (call.empty()) return;  // its deadline has passed
  loop_.Cancel(call.mapped().deadline);
  call.mapped().done(std::move(result));
}

TtrpcClient::TtrpcClient(EventLoop& loop, UniqueFd connected)
    : impl_(std::make_unique<Impl>(loop, std::move(connected))) {}

TtrpcClient::~TtrpcClient() = default;

void TtrpcClient::Call(absl::string_view service, absl::string_view method,
                       absl::string_view payload, absl::Duration timeout,
                       const Metadata& metadata, Done done) {
  impl_->Call(EncodeTtrpcRequest(service, method, payload, timeout, metadata),
              timeout, std::move(done));
}

bool TtrpcClient::connected() const { return impl_->connected(); }

}  // namespace holdfast::rpc
