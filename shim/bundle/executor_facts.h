#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "api/records.pb.h"
#include "api/types.pb.h"

namespace holdfast {

// One task as its executor's journal tells it.
struct TaskFacts {
  v1::TaskInfo info;
  absl::Time intended_at = absl::InfinitePast();  // unknown
  std::vector<v1::StatusUpdate> updates;          // all that are kept, in order
  size_t acknowledged = 0;                  // so many of them, from the front
  std::vector<absl::Time> acknowledged_at;  // of each; InfinitePast: unknown
  std::optional<v1::KillRequested> kill;

  // TASK_STAGING until there is an update.
  v1::TaskState state() const;
  bool IsTerminal() const;
};

// Everything a journal says, and nothing else: what its records mean, applied
// in order. Pure; the shim, the plugin and fsck read with the same eyes. Made
// by Apply alone, which knows where each update is: `tasks` is to be read.
struct ExecutorFacts {
  v1::Intent intent;
  std::optional<v1::Started> started;
  std::optional<v1::Exited> exited;
  std::optional<v1::Fenced> fenced;
  std::optional<v1::KillRequested> kill;  // of the whole executor
  std::optional<v1::Limits> limits;
  std::vector<TaskFacts> tasks;  // in the order of their intents
  uint64_t last_sequence = 0;
  bool attached = false;
  // What nothing depends on and people ask for: the records of the link
  // (Detached, Attached), of changed Limits and of further shims (Started),
  // in order, the last kHistoryKept of them.
  static constexpr size_t kHistoryKept = 32;
  std::deque<v1::JournalRecord> history;

  // What applying all of them makes; DataLoss as Apply.
  static absl::StatusOr<ExecutorFacts> From(
      absl::Span<const v1::JournalRecord> records);

  // DataLoss: a record that cannot follow what came before it (a second
  // intent, an update of an unknown task, one after a terminal one, a sequence
  // that does not grow, an acknowledgement that is not of the task's oldest
  // unacknowledged update). Nothing was applied then.
  absl::Status Apply(const v1::JournalRecord& record);
  // What Apply would say.
  absl::Status Check(const v1::JournalRecord& record) const;

  // Valid until the next Apply, like all pointers from here.
  TaskFacts* FindTask(absl::string_view task_id);
  const TaskFacts* FindTask(absl::string_view task_id) const;
  // The oldest unacknowledged update of each task, and those after it, in the
  // order of their sequences.
  std::vector<const v1::StatusUpdate*> Unacknowledged() const;
  // The first of them, or null.
  const v1::StatusUpdate* OldestUnacknowledged() const;
  // The update, or null.
  const v1::StatusUpdate* FindUpdate(absl::string_view uuid) const;
  bool IsAcknowledged(absl::string_view uuid) const;
  bool AllTasksTerminal() const;  // false without tasks
  bool AllAcknowledged() const;

  // The records from which Apply makes these facts again, without what no one
  // asks for any more: acknowledged updates but the latest of each task (so
  // that a repeated acknowledgement is known), and ended tasks of a custom
  // executor that were acknowledged, beyond the last 200 and the first one.
  std::vector<v1::JournalRecord> Condensed() const;

 private:
  absl::Status CheckUpdate(const v1::StatusUpdate& update) const;
  void AddTask(const v1::TaskInfo& info, absl::Time intended_at);
  void Remember(const v1::JournalRecord& record);
  TaskFacts* TaskAwaiting(absl::string_view uuid);
  const TaskFacts* TaskAwaiting(absl::string_view uuid) const;

  // An update's indices in `tasks` and its task's `updates`.
  struct Place {
    size_t task;
    size_t update;
  };
  absl::flat_hash_map<std::string, Place> places_;  // of all updates, by uuid
};

}  // namespace holdfast
