#include "shim/rpc/grpc_client.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "shim/rpc/client_call.h"
#include "shim/rpc/http2_session.h"

namespace holdfast::rpc {
namespace {

// What a Unary() has heard so far.
struct UnaryAnswer {
  bool came = false;
  std::string response;
};

absl::StatusOr<std::string> ToResult(const absl::Status& status,
                                     UnaryAnswer& answer) {
  if (!status.ok()) return status;
  if (!answer.came) {
    return absl::InternalError("the call ended with OK and no message");
  }
  return std::move(answer.response);
}

}  // namespace

class GrpcClient::Impl final : private Http2Session::Owner {
 public:
  Impl(EventLoop& loop, UniqueFd connected,
       std::function<void(absl::Status)> on_lost);
  ~Impl() override;

  StreamClientCall* Start(absl::string_view path, absl::Duration timeout,
                          ClientCallEvents events);

 private:
  void OnHeaders(int32_t stream, const HeaderList& headers, bool last) override;
  void OnData(int32_t stream, absl::string_view bytes) override;
  void OnEnd(int32_t stream) override;
  void OnStreamClosed(int32_t stream, uint32_t error_code) override;
  void OnLost(const absl::Status& why) override;

  std::shared_ptr<StreamClientCall> Find(int32_t stream);
  void FailFromLoop(int32_t stream, absl::Status why);

  EventLoop& loop_;
  std::function<void(absl::Status)> on_lost_;
  std::shared_ptr<Http2Session> session_;
  // By stream; calls that never got one have numbers below zero.
  absl::flat_hash_map<int32_t, std::shared_ptr<StreamClientCall>> calls_;
  int32_t next_without_stream_ = -1;
  std::shared_ptr<Impl*> alive_ = std::make_shared<Impl*>(this);
};

GrpcClient::Impl::Impl(EventLoop& loop, UniqueFd connected,
                       std::function<void(absl::Status)> on_lost)
    : loop_(loop), on_lost_(std::move(on_lost)) {
  absl::StatusOr<std::shared_ptr<Http2Session>> session = Http2Session::Start(
      loop, std::move(connected), Http2Session::Side::kClient,
      /*max_streams=*/0, *this);
  if (session.ok()) {
    session_ = *std::move(session);
    return;
  }
  loop_.Post([weak = std::weak_ptr(alive_), why = session.status()] {
    if (const auto self = weak.lock()) (*self)->OnLost(why);
  });
}

GrpcClient::Impl::~Impl() {
  alive_.reset();
  if (session_ != nullptr) session_->Close();
  for (const auto& [stream, call] : calls_) call->Abandon();
}

StreamClientCall* GrpcClient::Impl::Start(absl::string_view path,
                                          absl::Duration timeout,
                                          ClientCallEvents events) {
  const absl::StatusOr<int32_t> opened =
      session_ == nullptr
          ? absl::UnavailableError("the connection was never served")
          : session_->Request(RequestHeaders(path, timeout));
  const int32_t stream = opened.ok() ? *opened : next_without_stream_--;
  auto call = std::make_shared<StreamClientCall>(
      loop_, session_, stream, std::move(events),
      [this, stream] { calls_.erase(stream); });
  calls_[stream] = call;
  if (opened.ok()) {
    call->SetDeadline(timeout);
  } else {
    FailFromLoop(stream, opened.status());
  }
  return call.get();
}

void GrpcClient::Impl::FailFromLoop(int32_t stream, absl::Status why) {
  loop_.Post([weak = std::weak_ptr(alive_), stream, why = std::move(why)] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    if (const auto call = (*self)->Find(stream)) call->Complete(why);
  });
}

std::shared_ptr<StreamClientCall> GrpcClient::Impl::Find(int32_t stream) {
  const auto found = calls_.find(stream);
  return found == calls_.end() ? nullptr : found->second;
}

void GrpcClient::Impl::OnHeaders(int32_t stream, const HeaderList& headers,
                                 bool last) {
  if (const auto call = Find(stream)) call->TakeHeaders(headers, last);
}

void GrpcClient::Impl::OnData(int32_t stream, absl::string_view bytes) {
  if (const auto call = Find(stream)) call->TakeData(bytes);
}

void GrpcClient::Impl::OnEnd(int32_t stream) {
  if (const auto call = Find(stream)) call->TakeEnd();
}

void GrpcClient::Impl::OnStreamClosed(int32_t stream, uint32_t error_code) {
  if (const auto call = Find(stream)) call->TakeReset(error_code);
}

void GrpcClient::Impl::OnLost(const absl::Status& why) {
  const std::weak_ptr<Impl*> alive = alive_;
  while (!calls_.empty()) {
    // Held, since completing takes it out of the map.
    const std::shared_ptr<StreamClientCall> call = calls_.begin()->second;
    call->Complete(absl::UnavailableError(why.message()));
    if (alive.expired()) return;  // a callback destroyed the client
  }
  const auto on_lost = std::move(on_lost_);
  if (on_lost) on_lost(why);  // may destroy this
}

GrpcClient::GrpcClient(EventLoop& loop, UniqueFd connected,
                       std::function<void(absl::Status)> on_lost)
    : impl_(std::make_unique<Impl>(loop, std::move(connected),
                                   std::move(on_lost))) {}

GrpcClient::~GrpcClient() = default;

ClientCall* GrpcClient::Start(absl::string_view path, absl::Duration timeout,
                              ClientCallEvents events) {
  return impl_->Start(path, timeout, std::move(events));
}

void GrpcClient::Unary(
    absl::string_view path, absl::string_view request, absl::Duration timeout,
    std::function<void(absl::StatusOr<std::string>)> on_done) {
  auto answer = std::make_shared<UnaryAnswer>();
  ClientCall* const call = Start(
      path, timeout,
      {.on_message =
           [answer](absl::string_view message) {
             answer->came = true;
             answer->response = std::string(message);
           },
       .on_done =
           [answer, on_done = std::move(on_done)](const absl::Status& status) {
             on_done(ToResult(status, *answer));
           }});
  call->Send(request);
  call->HalfClose();
}

}  // namespace holdfast::rpc
