#include "hack/local_agent/update_watcher.h"

#include "absl/time/clock.h"
#include "base/log.h"
#include "base/worker_pool.h"

namespace holdfast::hack {
namespace {

// An executor that is busy with its launch lets us wait, and then says so.
constexpr absl::Duration kAcknowledgeFor = absl::Minutes(1);

}  // namespace

UpdateWatcher::UpdateWatcher(Client& client, UpdateLedger& ledger,
                             std::string framework_id)
    : client_(client),
      ledger_(ledger),
      framework_id_(std::move(framework_id)),
      thread_([this] { Read(); }) {}

UpdateWatcher::~UpdateWatcher() {
  context_.TryCancel();
  if (thread_.joinable()) thread_.join();
}

absl::Status UpdateWatcher::WaitUntilBroken() {
  if (thread_.joinable()) thread_.join();
  return status_;
}

void UpdateWatcher::Read() {
  v1::WatchUpdatesRequest request;
  request.set_framework_id(framework_id_);
  const auto stream = client_.stub().WatchUpdates(&context_, request);
  // One update's acknowledgement does not keep the next one waiting. What was
  // given to it is done when Read returns.
  WorkerPool acknowledging(1);
  v1::WatchUpdatesResponse response;
  while (stream->Read(&response)) {
    if (!response.has_update()) continue;
    ledger_.Add(response.update(), absl::Now());
    acknowledging.Run(
        [this, update = response.update()] { Acknowledge(update); });
  }
  status_ = Client::ToAbsl(stream->Finish());
}

void UpdateWatcher::Acknowledge(const v1::StatusUpdate& update) {
  v1::AcknowledgeUpdateRequest request;
  request.set_framework_id(framework_id_);
  request.set_task_id(update.status().task_id());
  request.set_uuid(update.uuid());
  const absl::Time deadline = absl::Now() + kAcknowledgeFor;
  absl::Status status;
  do {
    status = client_.Call(&Stub::AcknowledgeUpdate, request).status();
  } while (Client::MayTryAgain(status) && absl::Now() < deadline);
  if (status.ok()) {
    ledger_.NoteAcknowledged(update);
  } else {
    Log(Severity::kWarning, "acknowledge",
        {{"task", update.status().task_id()}, {"error", status.ToString()}});
  }
}

}  // namespace holdfast::hack
