#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "shim/rpc/grpc_client.h"
#include "shim/rpc/grpc_server.h"
#include "tests/shim/rpc/test_service.h"

namespace holdfast::rpc {

// Two ends that are connected.
std::pair<UniqueFd, UniqueFd> ConnectedPair();

// Turns the loop until `done`; false: it took longer than ten seconds.
bool RunUntil(EventLoop& loop, const std::function<bool()>& done);
// Turns the loop until nothing is ready any more.
void RunUntilQuiet(EventLoop& loop);

// What a test's call has heard.
struct CallLog {
  std::vector<std::string> messages;
  int done = 0;  // how often
  absl::Status status;
};

// Callbacks that write to `log`, which outlives the call.
ClientCallEvents LogTo(CallLog& log);

// A server and a client in one loop, connected.
class RpcPair {
 public:
  explicit RpcPair(ServerOptions options = {});

  absl::StatusOr<std::string> Unary(
      absl::string_view path, absl::string_view request,
      absl::Duration timeout = absl::InfiniteDuration());
  bool RunUntil(const std::function<bool()>& done) {
    return rpc::RunUntil(*loop, done);
  }

  std::unique_ptr<EventLoop> loop;
  ServiceLog log;
  std::unique_ptr<GrpcServer> server;
  std::unique_ptr<GrpcClient> client;
  std::vector<uint64_t> closed;  // connections, as the server saw them go
  int lost = 0;                  // how often the client said so
  absl::Status lost_why;
};

}  // namespace holdfast::rpc
