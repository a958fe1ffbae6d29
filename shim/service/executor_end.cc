#include "shim/service/executor_end.h"

#include <unistd.h>

#include <utility>

#include "base/failpoint.h"
#include "base/log.h"
#include "shim/service/outcome.h"
#include "shim/service/task_update.h"

namespace holdfast::shim {
namespace {

// A disk that refuses the executor's end is asked again this often.
constexpr absl::Duration kRecordRetry = absl::Seconds(1);
// Processes that SIGKILL does not end by then (uninterruptible sleep) are
// reported and waited for again.
constexpr absl::Duration kEmptyTimeout = absl::Seconds(60);

}  // namespace

ExecutorEnd::ExecutorEnd(Executor executor, v1::Exited exited,
                         std::optional<v1::JournalRecord> unrecorded_fence,
                         Events events)
    : executor_(executor),
      exited_(std::move(exited)),
      unrecorded_fence_(std::move(unrecorded_fence)),
      events_(std::move(events)) {}

ExecutorEnd::~ExecutorEnd() {
  executor_.loop.Cancel(retry_timer_);
  executor_.loop.Cancel(finish_timer_);
}

void ExecutorEnd::KillWhatIsLeft() {
  const absl::StatusOr<bool> empty = executor_.group.IsEmpty();
  if (empty.ok() && *empty) return RecordEnd();
  executor_.group.KillUntilEmpty(
      executor_.loop, kEmptyTimeout, [this](const absl::Status& status) {
        if (status.ok()) return RecordEnd();
        Log(Severity::kError, status.ToString(),
            {{"container", executor_.journal.facts().intent.container_id()}});
        KillWhatIsLeft();
      });
}

std::vector<v1::JournalRecord> ExecutorEnd::Records() const {
  std::vector<v1::JournalRecord> records;
  ExecutorFacts told = executor_.journal.facts();
  if (unrecorded_fence_ && told.Apply(*unrecorded_fence_).ok()) {
    records.push_back(*unrecorded_fence_);
  }
  *records.emplace_back().mutable_exited() = exited_;
  const bool custom = told.intent.launch().custom();
  const bool host_stops = access(executor_.host_stop_mark.c_str(), F_OK) == 0;
  uint64_t updates = 0;
  for (const TaskFacts& task : told.tasks) {
    if (task.IsTerminal()) continue;
    const bool asked = task.kill || told.kill || told.fenced;
    const Outcome outcome =
        host_stops && !asked ? OutcomeOfHostStop(exited_)
        : custom ? OutcomeOfOrphan(exited_, task.kill, told.kill, told.fenced)
                 : OutcomeOfCommand(exited_, task.kill ? task.kill : told.kill,
                                    told.fenced);
    v1::StatusUpdate update =
        MakeTaskUpdate(task.info, outcome.state, outcome.reason,
                       outcome.message, executor_.loop.clock().Now());
    v1::TaskStatus& status = *update.mutable_status();
    if (!custom) FillEnd(exited_, status);
    *status.mutable_start_time() = told.started->time();
    *status.mutable_end_time() = exited_.time();
    *records.emplace_back().mutable_update() =
        executor_.journal.Complete(std::move(update), updates++);
  }
  return records;
}

void ExecutorEnd::RecordEnd() {
  HOLDFAST_FAILPOINT(GroupEmptied);
  for (OutputLog* log : {&executor_.out, &executor_.err}) {
    if (absl::Status drained = log->Drain(); !drained.ok()) {
      Log(Severity::kWarning, drained.ToString());
    }
  }
  HOLDFAST_FAILPOINT(OutputDrained);
  absl::Status recorded = executor_.journal.ReopenIfFailed();
  // A try that was answered with an error may have reached the disk.
  if (recorded.ok() && !executor_.journal.facts().exited) {
    recorded = events_.record(Records());
  }
  if (!recorded.ok()) {
    Log(Severity::kError, recorded.ToString(),
        {{"container", executor_.journal.facts().intent.container_id()}});
    retry_timer_ = executor_.loop.After(kRecordRetry, [this] { RecordEnd(); });
    return;
  }
  HOLDFAST_FAILPOINT(EndRecorded);
  events_.on_recorded();
  // The end is on its way to the agent first.
  finish_timer_ =
      executor_.loop.After(absl::ZeroDuration(), [this] { Finish(); });
}

void ExecutorEnd::Finish() {
  for (OutputLog* log : {&executor_.out, &executor_.err}) {
    log->Touch();
    if (absl::Status synced = log->Sync(); !synced.ok()) {
      Log(Severity::kWarning, synced.ToString());
    }
  }
  HOLDFAST_FAILPOINT(OutputSynced);
  (void)executor_.group.Remove();  // or the agent does, when it takes over
  events_.on_over();
}

}  // namespace holdfast::shim
