#include "hack/local_agent/update_ledger.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "api/status_states.h"
#include "hack/local_agent/interrupt.h"

namespace holdfast::hack {
namespace {

// A signal notifies nobody.
constexpr std::chrono::milliseconds kLongestWait(100);

}  // namespace

const v1::TaskStatus* UpdateLedger::Task::terminal() const {
  for (const v1::StatusUpdate& update : updates)
    if (IsTerminal(update.status().state())) return &update.status();
  return nullptr;
}

void UpdateLedger::Add(const v1::StatusUpdate& update, absl::Time arrival) {
  const MutexLock lock(mutex_);
  Task& task = tasks_[update.status().task_id()];
  if (!uuids_.insert(update.uuid()).second) {
    ++task.repeats;
    for (size_t i = 0; i < task.acknowledged; ++i) {
      if (task.updates[i].uuid() == update.uuid()) ++task.late;
    }
  } else {
    if (!task.updates.empty() &&
        update.sequence() <= task.updates.back().sequence()) {
      ++task.disorders;
    }
    task.updates.push_back(update);
    task.arrivals.push_back(arrival);
  }
  added_.notify_all();
}

UpdateLedger::Task UpdateLedger::Get(const std::string& task_id) const {
  const MutexLock lock(mutex_);
  const auto found = tasks_.find(task_id);
  return found == tasks_.end() ? Task() : found->second;
}

void UpdateLedger::NoteAcknowledged(const v1::StatusUpdate& update) {
  const MutexLock lock(mutex_);
  Task& task = tasks_[update.status().task_id()];
  for (size_t i = task.acknowledged; i < task.updates.size(); ++i) {
    if (task.updates[i].uuid() == update.uuid()) task.acknowledged = i + 1;
  }
  added_.notify_all();
}

absl::Status UpdateLedger::WaitForUpdate(
    const std::vector<std::string>& task_ids, absl::Duration timeout) const {
  return WaitForAll(
      task_ids, "an update",
      [](const Task& task) { return !task.updates.empty(); }, timeout);
}

absl::Status UpdateLedger::WaitForEnd(const std::vector<std::string>& task_ids,
                                      absl::Duration timeout) const {
  return WaitForAll(
      task_ids, "a terminal update",
      [](const Task& task) { return task.terminal() != nullptr; }, timeout);
}

absl::Status UpdateLedger::WaitForAll(const std::vector<std::string>& task_ids,
                                      absl::string_view awaited,
                                      const Predicate& predicate,
                                      absl::Duration timeout) const {
  const absl::Time deadline = absl::Now() + timeout;
  const MutexLock lock(mutex_);
  while (true) {
    const std::vector<std::string> missing = Missing(task_ids, predicate);
    if (missing.empty()) return absl::OkStatus();
    if (Interrupted()) return absl::CancelledError("interrupted");
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat(
          "no acknowledged ", awaited, " of ", missing.size(), "/",
          task_ids.size(), " tasks: ", absl::StrJoin(missing, ", ")));
    }
    added_.wait_for(mutex_, kLongestWait);
  }
}

std::vector<std::string> UpdateLedger::Missing(
    const std::vector<std::string>& task_ids,
    const Predicate& predicate) const {
  std::vector<std::string> missing;
  for (const std::string& task_id : task_ids) {
    const auto found = tasks_.find(task_id);
    if (found == tasks_.end() || !predicate(found->second) ||
        found->second.acknowledged < found->second.updates.size()) {
      missing.push_back(task_id);
    }
  }
  return missing;
}

}  // namespace holdfast::hack
