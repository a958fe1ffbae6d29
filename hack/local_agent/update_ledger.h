#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "api/types.pb.h"
#include "base/mutex.h"

namespace holdfast::hack {

// Every delivery of every update, as an orchestrator would note them down.
class UpdateLedger {
 public:
  struct Task {
    std::vector<v1::StatusUpdate> updates;  // in the order of arrival
    std::vector<absl::Time> arrivals;
    int repeats = 0;          // deliveries of a uuid that had come before
    int late = 0;             // those of one that was acknowledged before
    int disorders = 0;        // sequences that did not grow
    size_t acknowledged = 0;  // so many of them, from the front

    const v1::TaskStatus* terminal() const;  // or null
  };

  void Add(const v1::StatusUpdate& update, absl::Time arrival)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The agent has the acknowledgement of `update`, and so of those before it:
  // it takes them in order. An answer that was lost is thus made good.
  void NoteAcknowledged(const v1::StatusUpdate& update)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // A copy; empty for a task without updates.
  Task Get(const std::string& task_id) const ABSL_LOCKS_EXCLUDED(mutex_);

  // Until each of `task_ids` has an update (or a terminal one) and all that it
  // has are acknowledged. DeadlineExceeded names those that have not;
  // Cancelled: we are interrupted.
  absl::Status WaitForUpdate(const std::vector<std::string>& task_ids,
                             absl::Duration timeout) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status WaitForEnd(const std::vector<std::string>& task_ids,
                          absl::Duration timeout) const
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Predicate = std::function<bool(const Task&)>;
  absl::Status WaitForAll(const std::vector<std::string>& task_ids,
                          absl::string_view awaited, const Predicate& predicate,
                          absl::Duration timeout) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<std::string> Missing(const std::vector<std::string>& task_ids,
                                   const Predicate& predicate) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  mutable std::condition_variable_any added_;
  std::map<std::string, Task> tasks_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> uuids_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::hack
