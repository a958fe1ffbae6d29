#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/orchestrator.pb.h"
#include "plugin/ctl/absence.h"
#include "plugin/ctl/client.h"
#include "plugin/ctl/task.h"

namespace holdfast::ctl {

// Waits for tasks to end, over restarts of the agent and without polling: it
// looks once the stream of updates stands, and again at each terminal update.
class TaskEnds {
 public:
  // Each task once, as it ends; or the error that makes waiting useless, such
  // as a task that nobody knows.
  using Ended =
      absl::FunctionRef<void(const TaskName&, const absl::StatusOr<v1::Task>&)>;

  TaskEnds(Client& client, Absence& absence)
      : client_(client), absence_(absence) {}

  // OK: all of `names` have been given to `ended`. DeadlineExceeded: the
  // first of those that have not ended by `deadline`.
  absl::Status Await(std::vector<TaskName> names, Ended ended,
                     absl::Time deadline = absl::InfiniteFuture());

 private:
  absl::Status FollowUpdates(Ended ended, absl::Time deadline);
  // Looks at those of `pending_` that `task_id` means; empty: at all. Away
  // statuses only; what has ended leaves `pending_`.
  absl::Status Look(const std::string& task_id, Ended ended);

  Client& client_;
  Absence& absence_;
  std::vector<TaskName> pending_;
};

}  // namespace holdfast::ctl
