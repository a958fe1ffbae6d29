#pragma once

#include <set>
#include <string>

#include "api/executor.pb.h"
#include "shim/rpc/grpc_server.h"
#include "shim/service/supervisor.h"

namespace holdfast::shim {

// The service Executor (api/executor.proto): the stream between the shim and
// a custom executor. Tasks are delivered once the executor has subscribed,
// each once a subscription: an executor that subscribes again gets those again
// that it has said nothing of (and knows them by their ids).
class ExecutorLink {
 public:
  ExecutorLink(rpc::GrpcServer& server, Supervisor& supervisor);

  // There may be a task to deliver.
  void DeliverTasks();
  // Passes a kill on: of a task, or (empty id) the shutdown of the executor.
  void DeliverKill(const v1::KillRequested& kill);

 private:
  class Session;

  bool IsDelivered(const TaskFacts& task) const;
  // All that were asked for and are not done: for a new subscription.
  void DeliverKills();

  Supervisor& supervisor_;
  Session* current_ = nullptr;
  std::set<std::string> delivered_;  // task ids
};

}  // namespace holdfast::shim
