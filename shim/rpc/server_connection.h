#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "shim/rpc/grpc_server.h"
#include "shim/rpc/http2_session.h"
#include "shim/rpc/server_call.h"

namespace holdfast::rpc {

// What all connections of a server share; it outlives them.
struct ServerContext {
  EventLoop& loop;
  ServerOptions options;
  absl::flat_hash_map<std::string, GrpcServer::Method> methods;
};

// One client's connection with its calls: finds the method for each stream
// and passes on what comes for it.
class ServerConnection final : private Http2Session::Owner {
 public:
  // `lost` is called once, last, and may destroy the connection.
  ServerConnection(const ServerContext& context, uint64_t number,
                   std::function<void()> lost);
  ~ServerConnection() override;

  absl::Status Start(UniqueFd connected);
  // GOAWAY: lost when its calls have ended and all is sent.
  void Drain();

 private:
  using Calls = absl::flat_hash_map<int32_t, std::unique_ptr<StreamServerCall>>;

  void OnPreface() override;
  void OnHeaders(int32_t stream, const HeaderList& headers, bool last) override;
  void OnData(int32_t stream, absl::string_view bytes) override;
  void OnEnd(int32_t stream) override;
  void OnStreamClosed(int32_t stream, uint32_t error_code) override;
  void OnLost(const absl::Status& why) override;

  StreamServerCall* Find(int32_t stream);
  void Begin(int32_t stream, const HeaderList& headers);
  void Retire(int32_t stream);

  const ServerContext& context_;
  const uint64_t number_;
  std::function<void()> lost_;
  EventLoop::TimerId preface_timer_ = 0;
  std::shared_ptr<Http2Session> session_;
  Calls calls_;
  // Calls that are over, with their handlers, until the loop comes round:
  // one of them may be on the stack.
  std::shared_ptr<std::vector<std::unique_ptr<StreamServerCall>>> retired_;
};

}  // namespace holdfast::rpc
