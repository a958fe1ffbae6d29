#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "shim/rpc/ttrpc_channel.h"
#include "shim/rpc/ttrpc_frame.h"
#include "shim/rpc/ttrpc_server.h"

namespace holdfast::rpc {

// What all connections of a server share.
struct TtrpcContext {
  using Methods = absl::flat_hash_map<std::string, TtrpcServer::Method>;

  EventLoop& loop;
  TtrpcServerOptions options;
  absl::flat_hash_map<std::string, Methods> services;
  std::function<void(uint64_t)> on_request;  // of a connection
};

// One client's connection: every frame of it that wants an answer gets one, on
// its stream; that of a bad one leaves the open calls alone.
class TtrpcConnection final
    : public std::enable_shared_from_this<TtrpcConnection>,
      private TtrpcChannel::Owner {
 public:
  // `number`: its own. `sent`: all_sent() has become true. `lost`: once, last.
  TtrpcConnection(std::shared_ptr<const TtrpcContext> context, uint64_t number,
                  std::function<void()> sent, std::function<void()> lost);
  ~TtrpcConnection();

  // PermissionDenied: the peer's user or group is not ours.
  absl::Status Start(UniqueFd connected);
  // No more is sent or called back.
  void Close();
  bool all_sent() const { return channel_->unsent_bytes() == 0; }

 private:
  void OnFrame(TtrpcFramer::Frame frame) override;
  void OnSent() override;
  void OnLost(const absl::Status& why) override;

  absl::Status CheckFrame(const TtrpcFramer::Frame& frame);
  absl::Status Begin(uint32_t stream, absl::string_view data);
  absl::StatusOr<const TtrpcServer::Method*> FindMethod(
      const std::string& service, const std::string& method) const;
  void Finish(uint32_t stream, const absl::StatusOr<std::string>& result);
  void Answer(uint32_t stream, const absl::StatusOr<std::string>& result);

  const std::shared_ptr<const TtrpcContext> context_;
  const uint64_t number_;
  std::function<void()> sent_;
  std::function<void()> lost_;
  std::shared_ptr<TtrpcChannel> channel_;
  uint32_t last_stream_ = 0;
  // The open calls, by stream, with their deadlines' timers (0: none).
  absl::flat_hash_map<uint32_t, EventLoop::TimerId> calls_;
};

}  // namespace holdfast::rpc
