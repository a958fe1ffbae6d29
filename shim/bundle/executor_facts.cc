#include "shim/bundle/executor_facts.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/status_states.h"
#include "api/time_convert.h"
#include "base/errors.h"

namespace holdfast {
namespace {

absl::Status CannotFollow(absl::string_view record, absl::string_view reason) {
  return absl::DataLossError(absl::StrCat(record, ": ", reason));
}

absl::Status CheckIntent(const v1::Intent& intent, bool begun) {
  if (begun) return CannotFollow("intent", "a second one");
  if (intent.container_id().empty()) {
    return CannotFollow("intent", "without a container id");
  }
  return absl::OkStatus();
}

// Absent in what was written before there was one.
template <typename Record>
absl::Time TimeOf(const Record& record) {
  return record.has_time() ? FromProto(record.time()) : absl::InfinitePast();
}

bool IsSameProcess(const v1::Started& a, const v1::Started& b) {
  return a.pid() == b.pid() && a.start_ticks() == b.start_ticks() &&
         a.boot_id() == b.boot_id();
}

}  // namespace

v1::TaskState TaskFacts::state() const {
  return updates.empty() ? v1::TASK_STAGING : updates.back().status().state();
}

bool TaskFacts::IsTerminal() const { return holdfast::IsTerminal(state()); }

absl::StatusOr<ExecutorFacts> ExecutorFacts::From(
    absl::Span<const v1::JournalRecord> records) {
  ExecutorFacts facts;
  for (const v1::JournalRecord& record : records) {
    HOLDFAST_RETURN_IF_ERROR(facts.Apply(record));
  }
  return facts;
}

absl::Status ExecutorFacts::Check(const v1::JournalRecord& record) const {
  using Record = v1::JournalRecord;
  const bool begun = !intent.container_id().empty();
  if (!begun && record.record_case() != Record::kIntent) {
    return CannotFollow("first record", "not an intent");
  }
  switch (record.record_case()) {  // no default: -Wswitch names what is missing
    case Record::kIntent:
      return CheckIntent(record.intent(), begun);
    case Record::kTaskIntent: {
      const std::string& id = record.task_intent().task().task_id();
      if (FindTask(id) == nullptr) return absl::OkStatus();
      return CannotFollow("task intent", absl::StrCat("a second one of ", id));
    }
    case Record::kStarted:
      if (exited) return CannotFollow("started", "after exited");
      // The same again: another shim has adopted it.
      if (!started || IsSameProcess(*started, record.started())) {
        return absl::OkStatus();
      }
      return CannotFollow("started", "another process before it");
    case Record::kUpdate:
      return CheckUpdate(record.update());
    case Record::kAcknowledged: {
      const std::string& uuid = record.acknowledged().uuid();
      if (TaskAwaiting(uuid) != nullptr) return absl::OkStatus();
      return CannotFollow("acknowledged",
                          absl::StrCat(uuid, " is no task's oldest update"));
    }
    case Record::kKillRequested: {
      const std::string& id = record.kill_requested().task_id();
      if (id.empty() || FindTask(id) != nullptr) return absl::OkStatus();
      return CannotFollow("kill", absl::StrCat("no task ", id));
    }
    case Record::kExited:
      if (exited) return CannotFollow("exited", "a second one");
      return absl::OkStatus();
    case Record::kDetached:
    case Record::kAttached:
    case Record::kFenced:
    case Record::kLimits:
      return absl::OkStatus();
    case Record::RECORD_NOT_SET:
      return CannotFollow("record", "of no kind");
  }
  return CannotFollow("record", "of an unknown kind");
}

absl::Status ExecutorFacts::CheckUpdate(const v1::StatusUpdate& update) const {
  const std::string name = absl::StrCat("update ", update.uuid());
  const std::string& task_id = update.status().task_id();
  const TaskFacts* task = FindTask(task_id);
  if (task == nullptr) return CannotFollow(name, "no task " + task_id);
  if (task->IsTerminal()) return CannotFollow(name, task_id + " has ended");
  if (update.uuid().empty()) return CannotFollow(name, "without a uuid");
  if (update.sequence() <= last_sequence) {
    return CannotFollow(name, absl::StrCat("sequence ", update.sequence(),
                                           " after ", last_sequence));
  }
  if (FindUpdate(update.uuid()) != nullptr) {
    return CannotFollow(name, "a second one");
  }
  return absl::OkStatus();
}

absl::Status ExecutorFacts::Apply(const v1::JournalRecord& record) {
  using Record = v1::JournalRecord;
  if (absl::Status status = Check(record); !status.ok()) return status;
  switch (record.record_case()) {
    case Record::kIntent:
      intent = record.intent();
      if (intent.has_task()) AddTask(intent.task(), TimeOf(intent));
      break;
    case Record::kTaskIntent:
      AddTask(record.task_intent().task(), TimeOf(record.task_intent()));
      break;
    case Record::kStarted:
      if (started) {
        Remember(record);
      } else {
        started = record.started();
      }
      break;
    case Record::kUpdate: {
      const v1::StatusUpdate& update = record.update();
      TaskFacts* task = FindTask(update.status().task_id());
      places_[update.uuid()] = {static_cast<size_t>(task - tasks.data()),
                                task->updates.size()};
      task->updates.push_back(update);
      last_sequence = update.sequence();
      break;
    }
    case Record::kAcknowledged: {
      TaskFacts* task = TaskAwaiting(record.acknowledged().uuid());
      ++task->acknowledged;
      task->acknowledged_at.push_back(TimeOf(record.acknowledged()));
      break;
    }
    case Record::kKillRequested: {
      const v1::KillRequested& request = record.kill_requested();
      TaskFacts* task = FindTask(request.task_id());
      (task != nullptr ? task->kill : kill) = request;
      break;
    }
    case Record::kExited:
      exited = record.exited();
      break;
    case Record::kDetached:
      attached = false;
      Remember(record);
      break;
    case Record::kAttached:
      attached = true;
      Remember(record);
      break;
    case Record::kFenced:
      fenced = record.fenced();
      break;
    case Record::kLimits:
      limits = record.limits();
      Remember(record);
      break;
    case Record::RECORD_NOT_SET:
      break;  // Check has refused it
  }
  return absl::OkStatus();
}

void ExecutorFacts::AddTask(const v1::TaskInfo& info, absl::Time intended_at) {
  TaskFacts& task = tasks.emplace_back();
  task.info = info;
  task.intended_at = intended_at;
}

void ExecutorFacts::Remember(const v1::JournalRecord& record) {
  history.push_back(record);
  if (history.size() > kHistoryKept) history.pop_front();
}

const TaskFacts* ExecutorFacts::FindTask(absl::string_view task_id) const {
  for (const TaskFacts& task : tasks) {
    if (task.info.task_id() == task_id) return &task;
  }
  return nullptr;
}

TaskFacts* ExecutorFacts::FindTask(absl::string_view task_id) {
  return const_cast<TaskFacts*>(std::as_const(*this).FindTask(task_id));
}

// The task whose oldest unacknowledged update is `uuid`, or null.
const TaskFacts* ExecutorFacts::TaskAwaiting(absl::string_view uuid) const {
  const auto place = places_.find(uuid);
  if (place == places_.end()) return nullptr;
  const TaskFacts& task = tasks[place->second.task];
  return place->second.update == task.acknowledged ? &task : nullptr;
}

TaskFacts* ExecutorFacts::TaskAwaiting(absl::string_view uuid) {
  return const_cast<TaskFacts*>(std::as_const(*this).TaskAwaiting(uuid));
}

std::vector<const v1::StatusUpdate*> ExecutorFacts::Unacknowledged() const {
  std::vector<const v1::StatusUpdate*> found;
  for (const TaskFacts& task : tasks) {
    for (size_t i = task.acknowledged; i < task.updates.size(); ++i) {
      found.push_back(&task.updates[i]);
    }
  }
  std::sort(found.begin(), found.end(), [](const auto* a, const auto* b) {
    return a->sequence() < b->sequence();
  });
  return found;
}

const v1::StatusUpdate* ExecutorFacts::OldestUnacknowledged() const {
  const v1::StatusUpdate* oldest = nullptr;
  for (const TaskFacts& task : tasks) {
    if (task.acknowledged == task.updates.size()) continue;
    const v1::StatusUpdate& update = task.updates[task.acknowledged];
    if (oldest == nullptr || update.sequence() < oldest->sequence()) {
      oldest = &update;
    }
  }
  return oldest;
}

const v1::StatusUpdate* ExecutorFacts::FindUpdate(
    absl::string_view uuid) const {
  const auto place = places_.find(uuid);
  if (place == places_.end()) return nullptr;
  return &tasks[place->second.task].updates[place->second.update];
}

bool ExecutorFacts::IsAcknowledged(absl::string_view uuid) const {
  const auto place = places_.find(uuid);
  return place != places_.end() &&
         place->second.update < tasks[place->second.task].acknowledged;
}

bool ExecutorFacts::AllTasksTerminal() const {
  return !tasks.empty() &&
         std::all_of(tasks.begin(), tasks.end(),
                     [](const TaskFacts& task) { return task.IsTerminal(); });
}

bool ExecutorFacts::AllAcknowledged() const {
  return std::all_of(tasks.begin(), tasks.end(), [](const TaskFacts& task) {
    return task.acknowledged == task.updates.size();
  });
}

}  // namespace holdfast
