#include "shim/rpc/ttrpc_connection.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/containerd/ttrpc.pb.h"
#include "base/errors.h"
#include "shim/rpc/ttrpc_messages.h"

namespace holdfast::rpc {
namespace {

absl::Status CheckPeer(int connected) {
  ucred peer = {};
  socklen_t size = sizeof peer;
  if (getsockopt(connected, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return ErrnoStatus(errno, "getsockopt", "SO_PEERCRED");
  }
  if (peer.uid == geteuid() && peer.gid == getegid()) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "process ", peer.pid, " is of user ", peer.uid, " and group ", peer.gid));
}

bool WantsAnswer(uint8_t type) {
  return type == static_cast<uint8_t>(TtrpcType::kRequest) ||
         type == static_cast<uint8_t>(TtrpcType::kData);
}

}  // namespace

TtrpcConnection::TtrpcConnection(std::shared_ptr<const TtrpcContext> context,
                                 uint64_t number, std::function<void()> sent,
                                 std::function<void()> lost)
    : context_(std::move(context)),
      number_(number),
      sent_(std::move(sent)),
      lost_(std::move(lost)) {}

TtrpcConnection::~TtrpcConnection() { Close(); }

absl::Status TtrpcConnection::Start(UniqueFd connected) {
  HOLDFAST_RETURN_IF_ERROR(CheckPeer(connected.get()));
  HOLDFAST_ASSIGN_OR_RETURN(
      channel_, TtrpcChannel::Start(context_->loop, std::move(connected),
                                    context_->options.max_unsent_bytes, *this));
  return absl::OkStatus();
}

void TtrpcConnection::Close() {
  if (channel_ != nullptr) channel_->Close();
  for (const auto& [stream, deadline] : calls_) context_->loop.Cancel(deadline);
  calls_.clear();
}

void TtrpcConnection::OnSent() { sent_(); }

void TtrpcConnection::OnLost(const absl::Status& /*why*/) {
  const std::function<void()> lost = std::move(lost_);
  lost();  // destroys this
}

void TtrpcConnection::OnFrame(TtrpcFramer::Frame frame) {
  if (!WantsAnswer(frame.header.type)) return;
  // A handler may destroy the server.
  const std::shared_ptr<TtrpcConnection> self = shared_from_this();
  absl::Status status = CheckFrame(frame);
  if (status.ok()) status = Begin(frame.header.stream, frame.data);
  if (!status.ok()) Answer(frame.header.stream, status);
}

absl::Status TtrpcConnection::CheckFrame(const TtrpcFramer::Frame& frame) {
  const TtrpcHeader& header = frame.header;
  if (frame.too_long) {
    return TtrpcTooLong("the message", header.length);
  }
  if (header.stream % 2 == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "stream ", header.stream, ": a client's streams have odd numbers"));
  }
  if (header.type == static_cast<uint8_t>(TtrpcType::kData)) {
    return absl::InvalidArgumentError(
        absl::StrCat("stream ", header.stream, " takes no data"));
  }
  if (header.stream <= last_stream_) {
    return absl::InvalidArgumentError(
        absl::StrCat("stream ", header.stream, " comes after ", last_stream_,
                     ": numbers must grow"));
  }
  last_stream_ = header.stream;
  return absl::OkStatus();
}

absl::Status TtrpcConnection::Begin(uint32_t stream, absl::string_view data) {
  ttrpc::Request request;
  if (!request.ParseFromArray(data.data(), static_cast<int>(data.size()))) {
    return absl::InvalidArgumentError("what came is no ttrpc request");
  }
  HOLDFAST_ASSIGN_OR_RETURN(const TtrpcServer::Method* const method,
                            FindMethod(request.service(), request.method()));
  if (calls_.size() >= context_->options.max_calls) {
    return absl::ResourceExhaustedError(
        absl::StrCat(calls_.size(), " calls of this connection are open"));
  }
  absl::Status late = absl::DeadlineExceededError("the call's deadline passed");
  if (request.timeout_nano() < 0) return late;
  EventLoop::TimerId deadline = 0;
  if (request.timeout_nano() > 0) {
    deadline =
        context_->loop.After(absl::Nanoseconds(request.timeout_nano()),
                             [this, stream, late] { Finish(stream, late); });
  }
  calls_[stream] = deadline;
  if (context_->on_request) context_->on_request(number_);
  (*method)(request.payload(), [weak = weak_from_this(), stream](
                                   const absl::StatusOr<std::string>& result) {
    const std::shared_ptr<TtrpcConnection> self = weak.lock();
    if (self != nullptr) self->Finish(stream, result);
  });
  return absl::OkStatus();
}

absl::StatusOr<const TtrpcServer::Method*> TtrpcConnection::FindMethod(
    const std::string& service, const std::string& method) const {
  const auto methods = context_->services.find(service);
  if (methods == context_->services.end()) {
    return absl::UnimplementedError(absl::StrCat("service ", service));
  }
  const auto found = methods->second.find(method);
  if (found == methods->second.end()) {
    return absl::UnimplementedError(absl::StrCat("method ", method));
  }
  return &found->second;
}

void TtrpcConnection::Finish(uint32_t stream,
                             const absl::StatusOr<std::string>& result) {
  const auto call = calls_.find(stream);
  if (call == calls_.end()) return;  // it has its answer
  context_->loop.Cancel(call->second);
  calls_.erase(call);
  Answer(stream, result);
}

void TtrpcConnection::Answer(uint32_t stream,
                             const absl::StatusOr<std::string>& result) {
  channel_->Send(
      TtrpcFrame(TtrpcType::kResponse, stream, EncodeTtrpcResponse(result)));
}

}  // namespace holdfast::rpc
