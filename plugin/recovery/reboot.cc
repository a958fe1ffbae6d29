#include "plugin/recovery/reboot.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/time_convert.h"

namespace holdfast {

std::vector<v1::JournalRecord> RebootRecords(const ExecutorJournal& journal,
                                             absl::Time now) {
  const ExecutorFacts& facts = journal.facts();
  std::vector<v1::JournalRecord> records(1);
  records[0].mutable_exited()->set_message("the host was rebooted");
  *records[0].mutable_exited()->mutable_time() = ToProto(now);
  uint64_t updates = 0;
  for (const TaskFacts& task : facts.tasks) {
    if (task.IsTerminal()) continue;
    v1::StatusUpdate update;
    v1::TaskStatus& status = *update.mutable_status();
    status.set_task_id(task.info.task_id());
    status.set_state(v1::TASK_FAILED);
    status.set_reason(v1::REASON_AGENT_REBOOTED);
    status.set_source(v1::SOURCE_AGENT);
    status.set_message(
        absl::StrCat("The host was rebooted; the task was last known as ",
                     v1::TaskState_Name(task.state())));
    *status.mutable_timestamp() = ToProto(now);
    if (facts.started) *status.mutable_start_time() = facts.started->time();
    *records.emplace_back().mutable_update() =
        journal.Complete(std::move(update), updates++);
  }
  return records;
}

}  // namespace holdfast
