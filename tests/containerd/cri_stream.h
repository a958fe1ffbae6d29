#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/containerd/web_socket.h"

namespace holdfast::containerd {

// What a kubelet does with the URL that Attach or Exec answers: the process'
// stdio in a WebSocket of the protocol v4.channel.k8s.io. The first byte of
// each message is its channel: 0 stdin, 1 stdout, 2 stderr, 3 how it ended.
class CriStream {
 public:
  CriStream() = default;  // to nobody
  // As WebSocket::Connect.
  static absl::StatusOr<CriStream> Open(const std::string& url);

  absl::Status Write(const std::string& text);
  // False: stdout does not have it within `timeout`.
  bool AwaitText(const std::string& text,
                 absl::Duration timeout = absl::Seconds(20));
  // Once the server has ended it, what it says of the end: a `Status` of
  // Kubernetes in JSON. Empty: it says nothing, or goes on.
  std::string AwaitEnd(absl::Duration timeout = absl::Seconds(20));

  const std::string& out() const { return out_; }
  const std::string& err() const { return err_; }

 private:
  explicit CriStream(std::unique_ptr<WebSocket> socket)
      : socket_(std::move(socket)) {}
  absl::Status ReadMessage(absl::Time deadline);

  std::unique_ptr<WebSocket> socket_;
  std::string out_;
  std::string err_;
  std::string end_;
};

}  // namespace holdfast::containerd
