#include "shim/rpc/server_connection.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "shim/rpc/grpc_status.h"
#include "shim/rpc/grpc_timeout.h"

namespace holdfast::rpc {
namespace {

absl::string_view HeaderOrEmpty(const HeaderList& headers,
                                absl::string_view name) {
  const std::string* const found = FindHeader(headers, name);
  return found == nullptr ? absl::string_view() : *found;
}

absl::StatusOr<absl::Duration> TimeoutOf(const HeaderList& headers) {
  const std::string* const value = FindHeader(headers, "grpc-timeout");
  if (value == nullptr) return absl::InfiniteDuration();
  return ParseGrpcTimeout(*value);
}

}  // namespace

ServerConnection::ServerConnection(const ServerContext& context,
                                   uint64_t number, std::function<void()> lost)
    : context_(context),
      number_(number),
      lost_(std::move(lost)),
      retired_(
          std::make_shared<std::vector<std::unique_ptr<StreamServerCall>>>()) {}

ServerConnection::~ServerConnection() {
  context_.loop.Cancel(preface_timer_);
  if (session_ != nullptr) session_->Close();
  const Calls going = std::exchange(calls_, {});  // see Retire()
}

absl::Status ServerConnection::Start(UniqueFd connected) {
  HOLDFAST_ASSIGN_OR_RETURN(
      session_, Http2Session::Start(context_.loop, std::move(connected),
                                    Http2Session::Side::kServer,
                                    context_.options.max_streams, *this));
  preface_timer_ =
      context_.loop.After(context_.options.preface_timeout, [this] {
        session_->Close();
        OnLost(absl::DeadlineExceededError("no HTTP/2 preface came"));
      });
  return absl::OkStatus();
}

void ServerConnection::Drain() { session_->GoAway(); }

void ServerConnection::OnPreface() {
  context_.loop.Cancel(std::exchange(preface_timer_, 0));
}

void ServerConnection::OnHeaders(int32_t stream, const HeaderList& headers,
                                 bool /*last*/) {
  if (Find(stream) != nullptr) return;  // trailers, which clients have none of
  if (FindHeader(headers, ":method") == nullptr) return;  // of an ended call
  if (HeaderOrEmpty(headers, ":method") != "POST") {
    return RespondWithStatus(*session_, stream, "405",
                             absl::InternalError("gRPC is POST"));
  }
  if (!IsGrpcContentType(HeaderOrEmpty(headers, "content-type"))) {
    return RespondWithStatus(
        *session_, stream, "415",
        absl::InvalidArgumentError("the content-type is not gRPC's"));
  }
  Begin(stream, headers);
}

void ServerConnection::Begin(int32_t stream, const HeaderList& headers) {
  const absl::string_view path = HeaderOrEmpty(headers, ":path");
  const auto method = context_.methods.find(path);
  if (method == context_.methods.end()) {
    return RespondWithStatus(
        *session_, stream, "200",
        absl::UnimplementedError(absl::StrCat("no method ", path)));
  }
  const absl::StatusOr<absl::Duration> timeout = TimeoutOf(headers);
  if (!timeout.ok()) {
    return RespondWithStatus(*session_, stream, "200", timeout.status());
  }
  auto call = std::make_unique<StreamServerCall>(
      context_.loop, *session_, stream, number_,
      context_.options.max_message_bytes, [this, stream] { Retire(stream); });
  StreamServerCall& begun = *call;
  calls_[stream] = std::move(call);
  begun.Begin(method->second, *timeout);
}

StreamServerCall* ServerConnection::Find(int32_t stream) {
  const auto found = calls_.find(stream);
  return found == calls_.end() ? nullptr : found->second.get();
}

void ServerConnection::OnData(int32_t stream, absl::string_view bytes) {
  if (StreamServerCall* const call = Find(stream)) call->TakeData(bytes);
}

void ServerConnection::OnEnd(int32_t stream) {
  if (StreamServerCall* const call = Find(stream)) call->TakeEnd();
}

void ServerConnection::OnStreamClosed(int32_t stream, uint32_t /*error_code*/) {
  if (StreamServerCall* const call = Find(stream)) call->Gone();
}

void ServerConnection::OnLost(const absl::Status& /*why*/) {
  while (!calls_.empty()) calls_.begin()->second->Gone();
  const std::function<void()> lost = std::move(lost_);
  lost();  // may destroy this
}

void ServerConnection::Retire(int32_t stream) {
  const auto found = calls_.find(stream);
  if (found == calls_.end()) return;  // the destructor has it
  retired_->push_back(std::move(found->second));
  calls_.erase(found);
  if (retired_->size() > 1) return;  // the task is posted
  context_.loop.Post([weak = std::weak_ptr(retired_)] {
    const auto retired = weak.lock();
    if (retired == nullptr) return;
    // A handler's destructor may end another call.
    const auto going = std::exchange(*retired, {});
  });
}

}  // namespace holdfast::rpc
