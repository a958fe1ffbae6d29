// What of an executor's facts is worth keeping when its journal is rewritten.

#include <algorithm>
#include <functional>
#include <utility>

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
};

void KeepUpdates(const TaskFacts& task, std::vector<KeptUpdate>* kept) {
  const size_t first = std::max<size_t>(task.acknowledged, 1) - 1;
  for (size_t i = first; i < task.updates.size(); ++i) {
    kept->push_back({&task.updates[i], i < task.acknowledged});
  }
}

}  // namespace

std::vector<v1::JournalRecord> ExecutorFacts::Condensed() const {
  std::vector<v1::JournalRecord> records;
  const auto add = [&records]() -> v1::JournalRecord& {
    return records.emplace_back();
  };
  *add().mutable_intent() = intent;
  if (limits) *add().mutable_limits() = *limits;
  if (started) *add().mutable_started() = *started;

  std::vector<KeptUpdate> updates;
  const uint64_t oldest_end = OldestEndKept(tasks);
  for (size_t i = 0; i < tasks.size(); ++i) {
    const TaskFacts& task = tasks[i];
    // The first task is the intent's and cannot be left out of it.
    const bool is_intents = i == 0 && intent.has_task();
    if (!is_intents) {
      if (IsOver(task) && task.updates.back().sequence() < oldest_end) continue;
      *add().mutable_task_intent()->mutable_task() = task.info;
    }
    if (task.kill) *add().mutable_kill_requested() = *task.kill;
    KeepUpdates(task, &updates);
  }
  std::sort(updates.begin(), updates.end(), [](const auto& a, const auto& b) {
    return a.update->sequence() < b.update->sequence();
  });
  for (const auto& [update, acknowledged] : updates) {
    *add().mutable_update() = *update;
    if (acknowledged) add().mutable_acknowledged()->set_uuid(update->uuid());
  }

  if (kill) *add().mutable_kill_requested() = *kill;
  if (attached) add().mutable_attached();
  if (fenced) *add().mutable_fenced() = *fenced;
  if (exited) *add().mutable_exited() = *exited;
  return records;
}

}  // namespace holdfast
