// What of an executor's facts is worth keeping when its journal is rewritten.

#include <algorithm>
#include <deque>
#include <functional>
#include <initializer_list>
#include <utility>

#include "api/time_convert.h"
#include "shim/bundle/executor_facts.h"

namespace holdfast {
namespace {

constexpr size_t kEndedTasksKept = 200;

bool IsOver(const TaskFacts& task) {
  return task.IsTerminal() && task.acknowledged == task.updates.size();
}

// The sequence that a further task, if it is over, needs to have reached to
// be kept. The latest is always kept, and last_sequence with it.
uint64_t OldestEndKept(const std::vector<TaskFacts>& tasks) {
  std::vector<uint64_t> ends;
  for (const TaskFacts& task : tasks) {
    if (IsOver(task)) ends.push_back(task.updates.back().sequence());
  }
  if (ends.size() <= kEndedTasksKept) return 0;
  const auto oldest = ends.begin() + (kEndedTasksKept - 1);
  std::nth_element(ends.begin(), oldest, ends.end(), std::greater<>());
  return *oldest;
}

struct KeptUpdate {
  const v1::StatusUpdate* update;
  bool acknowledged;
  absl::Time acknowledged_at;
};

template <typename Record>
void SetTime(absl::Time time, Record& record) {
  if (time != absl::InfinitePast()) *record.mutable_time() = ToProto(time);
}

bool Holds(const std::deque<v1::JournalRecord>& history,
           std::initializer_list<v1::JournalRecord::RecordCase> kinds) {
  return std::any_of(
      history.begin(), history.end(), [&](const v1::JournalRecord& record) {
        return std::find(kinds.begin(), kinds.end(), record.record_case()) !=
               kinds.end();
      });
}

void KeepUpdates(const TaskFacts& task, std::vector<KeptUpdate>* kept) {
  const size_t first = std::max<size_t>(task.acknowledged, 1) - 1;
  for (size_t i = first; i < task.updates.size(); ++i) {
    const bool acknowledged = i < task.acknowledged;
    kept->push_back({&task.updates[i], acknowledged,
                     acknowledged ? task.acknowledged_at[i] : absl::Time()});
  }
}

}  // namespace

std::vector<v1::JournalRecord> ExecutorFacts::Condensed() const {
  std::vector<v1::JournalRecord> records;
  const auto add = [&records]() -> v1::JournalRecord& {
    return records.emplace_back();
  };
  *add().mutable_intent() = intent;
  // What of it has left the history goes before it, and leaves it again.
  if (limits && !Holds(history, {v1::JournalRecord::kLimits})) {
    *add().mutable_limits() = *limits;
  }
  if (attached && !Holds(history, {v1::JournalRecord::kAttached,
                                   v1::JournalRecord::kDetached})) {
    add().mutable_attached();
  }
  if (started) *add().mutable_started() = *started;
  records.insert(records.end(), history.begin(), history.end());

  std::vector<KeptUpdate> updates;
  const uint64_t oldest_end = OldestEndKept(tasks);
  for (size_t i = 0; i < tasks.size(); ++i) {
    const TaskFacts& task = tasks[i];
    // The first task is the intent's and cannot be left out of it.
    const bool is_intents = i == 0 && intent.has_task();
    if (!is_intents) {
      if (IsOver(task) && task.updates.back().sequence() < oldest_end) continue;
      v1::TaskIntent& task_intent = *add().mutable_task_intent();
      *task_intent.mutable_task() = task.info;
      SetTime(task.intended_at, task_intent);
    }
    if (task.kill) *add().mutable_kill_requested() = *task.kill;
    KeepUpdates(task, &updates);
  }
  std::sort(updates.begin(), updates.end(), [](const auto& a, const auto& b) {
    return a.update->sequence() < b.update->sequence();
  });
  for (const KeptUpdate& kept : updates) {
    *add().mutable_update() = *kept.update;
    if (!kept.acknowledged) continue;
    v1::Acknowledged& acknowledged = *add().mutable_acknowledged();
    acknowledged.set_uuid(kept.update->uuid());
    SetTime(kept.acknowledged_at, acknowledged);
  }

  if (kill) *add().mutable_kill_requested() = *kill;
  if (fenced) *add().mutable_fenced() = *fenced;
  if (exited) *add().mutable_exited() = *exited;
  return records;
}

}  // namespace holdfast
