#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/unique_fd.h"
#include "shim/rpc/ttrpc_frame.h"
#include "shim/rpc/ttrpc_messages.h"
#include "tests/fakes/slowness.h"

namespace holdfast {

// A ttrpc client for a test that waits for its answers: containerd's end of a
// shim's socket. Works with the stock shims, too. One thread at a time.
class BlockingTtrpcClient {
 public:
  // How long a test waits before it takes the server for hung.
  static constexpr absl::Duration kPatience = absl::Seconds(20 * kSlowness);

  // To a path, or as a shim's `start` prints it, "unix:///path". Unavailable:
  // nobody listens there. NotFound: there is no such socket.
  static absl::StatusOr<BlockingTtrpcClient> Connect(std::string address);
  explicit BlockingTtrpcClient(UniqueFd connected)
      : connected_(std::move(connected)) {}

  // Sent with each call from now on, as containerd's namespace is.
  void SetMetadata(rpc::TtrpcMetadata metadata) {
    metadata_ = std::move(metadata);
  }

  // The response's bytes, or the server's error. `timeout` is only told to the
  // server. Aborted: no answer came in kPatience beyond it. Unavailable: the
  // server closed the connection.
  absl::StatusOr<std::string> Call(
      absl::string_view service, absl::string_view method,
      absl::string_view payload,
      absl::Duration timeout = absl::InfiniteDuration());
  // The same with messages: Call<v2::StateResponse>(kTask, "State", request).
  template <typename Response, typename Request>
  absl::StatusOr<Response> Call(
      absl::string_view service, absl::string_view method,
      const Request& request,
      absl::Duration timeout = absl::InfiniteDuration()) {
    return Parse<Response>(
        Call(service, method, request.SerializeAsString(), timeout));
  }

  // The two halves of a call, for several at once. A stream is awaited once.
  uint32_t Start(absl::string_view service, absl::string_view method,
                 absl::string_view payload,
                 absl::Duration timeout = absl::InfiniteDuration());
  absl::StatusOr<std::string> Await(uint32_t stream,
                                    absl::Duration patience = kPatience);
  // Whether Await() would return at once, by what has come so far.
  bool IsAnswered(uint32_t stream);

  // Bytes as they are.
  absl::Status Write(absl::string_view bytes);
  // The server has closed the connection, by now or within `patience`.
  bool AwaitClosed(absl::Duration patience = kPatience);

  template <typename Response>
  static absl::StatusOr<Response> Parse(
      const absl::StatusOr<std::string>& bytes) {
    if (!bytes.ok()) return bytes.status();
    Response response;
    if (response.ParseFromString(*bytes)) return response;
    return absl::InternalError("what came is no such response");
  }

 private:
  bool Read(absl::Duration end);

  UniqueFd connected_;
  rpc::TtrpcMetadata metadata_;
  uint32_t next_stream_ = 1;
  bool closed_ = false;
  rpc::TtrpcFramer framer_;
  std::map<uint32_t, absl::StatusOr<std::string>> answers_;
};

}  // namespace holdfast
