#include "shim/containerd/task_journal.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/time_convert.h"
#include "base/boot_id.h"
#include "base/errors.h"
#include "base/pidfd.h"
#include "base/volatile_files.h"
#include "shim/containerd/places.h"
#include "shim/service/outcome.h"
#include "shim/service/task_update.h"

namespace holdfast::containerd {
namespace {

v1::Intent IntentOf(const std::string& id, const v1::ContainerdTask& task,
                    absl::Duration recovery_timeout, absl::Time now) {
  v1::Intent intent;
  intent.set_container_id(id);
  intent.set_agent_id(task.address());
  intent.set_framework_id(task.namespace_());
  intent.set_executor_id(id);
  intent.set_checkpoint(recovery_timeout > absl::ZeroDuration());
  if (recovery_timeout != absl::InfiniteDuration()) {
    *intent.mutable_recovery_timeout() = ToProto(recovery_timeout);
  }
  intent.mutable_task()->set_task_id(id);
  intent.mutable_task()->set_name(id);
  *intent.mutable_time() = ToProto(now);
  *intent.mutable_containerd() = task;
  if (const auto boot_id = ReadBootId(); boot_id.ok()) {
    intent.set_boot_id(*boot_id);
  }
  return intent;
}

// A shim that died has left it; one that lives has its lock.
absl::Status RemoveFormer(const std::string& directory,
                          const std::string& journal) {
  const auto former = ExecutorJournal::TakeOver(VolatileFiles(), journal);
  if (absl::IsUnavailable(former.status())) {
    return absl::AlreadyExistsError(
        absl::StrCat("a shim that lives has the journal ", journal));
  }
  return RemoveTree(directory);
}

v1::Exited ToRecord(const ChildExit& exit, bool oom_killed) {
  v1::Exited exited;
  if (exit.signal != 0) {
    exited.set_signal(exit.signal);
  } else {
    exited.set_exit_code(exit.code);
  }
  exited.set_oom_killed(oom_killed);
  *exited.mutable_time() = ToProto(exit.at);
  return exited;
}

}  // namespace

absl::StatusOr<TaskJournal> TaskJournal::Create(const std::string& directory,
                                                const std::string& id,
                                                const v1::ContainerdTask& task,
                                                absl::Duration recovery_timeout,
                                                absl::Time now) {
  const std::string path = directory + "/journal";
  HOLDFAST_RETURN_IF_ERROR(RemoveFormer(directory, path));
  HOLDFAST_RETURN_IF_ERROR(MakeDirectories(directory));
  absl::StatusOr<ExecutorJournal> journal = ExecutorJournal::Create(
      VolatileFiles(), path, IntentOf(id, task, recovery_timeout, now));
  if (!journal.ok()) {
    (void)RemoveTree(directory);  // the first error is the one to tell
    return journal.status();
  }
  return TaskJournal(*std::move(journal));
}

absl::Status TaskJournal::Created(pid_t pid, absl::Time now) {
  // One that was killed already is known by its exit alone.
  const absl::StatusOr<uint64_t> start_ticks = ReadStartTicks(pid);
  if (!start_ticks.ok() && !absl::IsNotFound(start_ticks.status())) {
    return start_ticks.status();
  }
  v1::JournalRecord record;
  v1::Started& started = *record.mutable_started();
  started.set_pid(pid);
  started.set_start_ticks(start_ticks.value_or(0));
  started.set_boot_id(facts().intent.boot_id());
  started.set_shim_pid(getpid());
  *started.mutable_time() = ToProto(now);
  return journal_->Record(record);
}

absl::Status TaskJournal::Running(absl::Time now) {
  v1::StatusUpdate update = shim::MakeTaskUpdate(
      facts().intent.task(), v1::TASK_RUNNING, v1::REASON_UNSPECIFIED, "", now);
  *update.mutable_status()->mutable_start_time() = ToProto(now);
  return journal_->AppendUpdate(std::move(update)).status();
}

absl::Status TaskJournal::Fenced(absl::Duration recovery_timeout,
                                 absl::Time now) {
  v1::JournalRecord record;
  *record.mutable_fenced()->mutable_recovery_timeout() =
      ToProto(recovery_timeout);
  *record.mutable_fenced()->mutable_time() = ToProto(now);
  return journal_->Record(record);
}

absl::Status TaskJournal::Ended(const ChildExit& exit, bool oom_killed) {
  HOLDFAST_RETURN_IF_ERROR(journal_->ReopenIfFailed());
  std::vector<v1::JournalRecord> records(2);
  v1::Exited& exited = *records[0].mutable_exited();
  exited = ToRecord(exit, oom_killed);
  const shim::Outcome outcome =
      shim::OutcomeOfCommand(exited, facts().kill, facts().fenced);
  v1::StatusUpdate update =
      shim::MakeTaskUpdate(facts().intent.task(), outcome.state, outcome.reason,
                           outcome.message, exit.at);
  v1::TaskStatus& status = *update.mutable_status();
  shim::FillEnd(exited, status);
  if (facts().started) *status.mutable_start_time() = facts().started->time();
  *status.mutable_end_time() = exited.time();
  *records[1].mutable_update() = journal_->Complete(std::move(update));
  return journal_->Record(records);
}

}  // namespace holdfast::containerd
