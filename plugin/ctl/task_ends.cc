#include "plugin/ctl/task_ends.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/status_states.h"
#include "base/errors.h"
#include "plugin/ctl/failure.h"

namespace holdfast::ctl {

absl::Status TaskEnds::Await(std::vector<TaskName> names, Ended ended,
                             absl::Time deadline) {
  pending_ = std::move(names);
  const absl::Status status = absence_.Outlast([&]() -> absl::Status {
    HOLDFAST_RETURN_IF_ERROR(Look("", ended));
    if (pending_.empty() || absl::Now() >= deadline) return absl::OkStatus();
    return FollowUpdates(ended, deadline);
  });
  if (!status.ok() || pending_.empty()) return status;
  return absl::DeadlineExceededError(
      absl::StrCat(pending_.front().task_id, " has not ended in time"));
}

absl::Status TaskEnds::FollowUpdates(Ended ended, absl::Time deadline) {
  v1::WatchUpdatesRequest request;  // of all frameworks: ends nobody's stream
  absl::Status looked;
  const auto take = [&](const v1::WatchUpdatesResponse& response) {
    absence_.Over();
    if (response.snapshot_complete()) {
      looked = Look("", ended);
    } else if (IsTerminal(response.update().status().state())) {
      looked = Look(response.update().status().task_id(), ended);
    }
    return looked.ok() && !pending_.empty();
  };
  const absl::Status read =
      client_.Read(&Client::Stub::WatchUpdates, request, take, deadline);
  if (absl::IsDeadlineExceeded(read)) return absl::OkStatus();  // Await() says
  HOLDFAST_RETURN_IF_ERROR(read);
  HOLDFAST_RETURN_IF_ERROR(looked);
  if (pending_.empty()) return absl::OkStatus();
  return absl::UnavailableError("the stream of updates ended");
}

absl::Status TaskEnds::Look(const std::string& task_id, Ended ended) {
  std::vector<TaskName> still;
  absl::Status away;
  for (const TaskName& name : pending_) {
    if (!away.ok() || (!task_id.empty() && name.task_id != task_id)) {
      still.push_back(name);
      continue;
    }
    const auto response = GetTask(client_, name);
    if (IsAway(response.status())) {
      away = response.status();
      still.push_back(name);
    } else if (!response.ok()) {
      ended(name, response.status());
    } else if (IsTerminal(response->task().state())) {
      ended(name, response->task());
    } else {
      still.push_back(name);
    }
  }
  pending_ = std::move(still);
  return away;
}

}  // namespace holdfast::ctl
