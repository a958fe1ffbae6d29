#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "shim/rpc/grpc_server.h"
#include "shim/service/attach_service.h"
#include "shim/service/executor_link.h"
#include "shim/service/orphan_reaper.h"
#include "shim/service/supervisor.h"

namespace holdfast::shim {

// What the agent hands to a shim that it starts.
struct Inheritance {
  std::string journal_path;
  std::string runtime_directory;
  absl::Status obstacle;  // not OK: the launch fails with it
  UniqueFd journal;       // with its lock
  UniqueFd listening;     // where later agents dial
  UniqueFd connection;    // the starting agent's, connected already
};

// The whole of a shim, joined: supervisor, services, sockets. It is over when
// its executor is.
class ShimProcess {
 public:
  // Starts the executor and serves. An error: the journal cannot be read or
  // written; nothing runs.
  static absl::StatusOr<std::unique_ptr<ShimProcess>> Start(
      EventLoop& loop, Inheritance inheritance);

 private:
  ShimProcess(EventLoop& loop, ExecutorJournal journal,
              std::string runtime_directory);

  void Listen();
  absl::Status Serve(Inheritance& inheritance);
  absl::Status ServeExecutor();
  void OnOver();

  EventLoop& loop_;
  const std::string runtime_directory_;
  Supervisor supervisor_;
  rpc::GrpcServer server_;
  AttachService attach_;
  uint64_t starter_ = 0;  // the connection of the agent that started us
  std::unique_ptr<OrphanReaper> reaper_;
  // On a socket of its own, open to the executor's user, for custom ones.
  rpc::GrpcServer executor_server_;
  ExecutorLink executor_link_;
};

}  // namespace holdfast::shim
