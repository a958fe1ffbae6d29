#include "tests/containerd/cri_stream.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/fakes/slowness.h"

namespace holdfast::containerd {

absl::StatusOr<CriStream> CriStream::Open(const std::string& url) {
  absl::StatusOr<std::unique_ptr<WebSocket>> socket =
      WebSocket::Connect(url, "v4.channel.k8s.io");
  if (!socket.ok()) return socket.status();
  return CriStream(*std::move(socket));
}

absl::Status CriStream::Write(const std::string& text) {
  if (socket_ == nullptr) return absl::UnavailableError("to nobody");
  return socket_->Send(absl::StrCat(std::string(1, '\0'), text));
}

bool CriStream::AwaitText(const std::string& text, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout * kSlowness;
  while (!absl::StrContains(out_, text)) {
    if (!ReadMessage(deadline).ok()) return false;
  }
  return true;
}

std::string CriStream::AwaitEnd(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout * kSlowness;
  while (ReadMessage(deadline).ok()) {
  }
  return end_;
}

absl::Status CriStream::ReadMessage(absl::Time deadline) {
  if (socket_ == nullptr) return absl::UnavailableError("from nobody");
  const absl::StatusOr<std::string> message = socket_->Receive(deadline);
  if (!message.ok()) return message.status();
  if (message->empty()) return absl::InternalError("a message of no channel");
  std::string* const channels[] = {nullptr, &out_, &err_, &end_};
  const auto channel = static_cast<unsigned char>((*message)[0]);
  if (channel == 0 || channel > 3)
    return absl::InternalError(absl::StrCat("a message of channel ", channel));
  channels[channel]->append(*message, 1);
  return absl::OkStatus();
}

}  // namespace holdfast::containerd
