#pragma once

#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "hack/local_agent/client.h"
#include "hack/local_agent/update_ledger.h"

namespace holdfast::hack {

// One WatchUpdates stream, read by a thread of its own: each update is noted
// in the ledger, and then acknowledged.
class UpdateWatcher {
 public:
  // `client` and `ledger` outlive the watcher.
  UpdateWatcher(Client& client, UpdateLedger& ledger, std::string framework_id);
  ~UpdateWatcher();  // ends the stream
  UpdateWatcher(const UpdateWatcher&) = delete;
  UpdateWatcher& operator=(const UpdateWatcher&) = delete;

  // Waits until the stream has ended by itself: the agent died, or refused.
  absl::Status WaitUntilBroken();

 private:
  void Read();
  void Acknowledge(const v1::StatusUpdate& update);

  Client& client_;
  UpdateLedger& ledger_;
  const std::string framework_id_;
  grpc::ClientContext context_;
  absl::Status status_;  // the thread's, until it is joined
  std::thread thread_;
};

}  // namespace holdfast::hack
