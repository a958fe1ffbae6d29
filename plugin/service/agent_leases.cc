// Agent: how long its executors would live without it, and what has happened
// to them.

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/reasons.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "plugin/rows/timeline.h"
#include "plugin/service/agent.h"
#include "shim/bundle/lease.h"

namespace holdfast {
namespace {

bool Lives(const Executor& executor) {
  return executor.state() == ExecutorState::kAttached ||
         executor.state() == ExecutorState::kUnattached;
}

// Of an executor that is not attached its journal says what was granted, and
// nothing says how long of it is left.
v1::FenceStatus FenceOf(const Executor& executor, absl::Duration now) {
  const bool attached = executor.state() == ExecutorState::kAttached;
  const v1::FenceStatus::State state =
      executor.facts().fenced ? v1::FenceStatus::TERMINATING
      : attached              ? v1::FenceStatus::ATTACHED
                              : v1::FenceStatus::STATE_UNSPECIFIED;
  v1::FenceStatus fence =
      DescribeFence(state, LeaseOf(executor.facts()), now, now);
  if (!attached) fence.clear_remaining();
  return fence;
}

v1::Lease MakeLease(const Executor& executor, v1::FenceStatus fence) {
  const ExecutorFacts& facts = executor.facts();
  v1::Lease lease;
  lease.set_container_id(executor.container_id());
  lease.set_framework_id(facts.intent.framework_id());
  lease.set_executor_id(facts.intent.executor_id());
  for (const TaskFacts& task : facts.tasks) {
    if (!task.IsTerminal()) lease.add_task_ids(task.info.task_id());
  }
  *lease.mutable_fence() = std::move(fence);
  lease.set_condition(executor.condition());
  return lease;
}

void Sort(google::protobuf::RepeatedPtrField<v1::Lease>& leases) {
  const auto key = [](const v1::Lease& lease) {
    return std::tie(lease.framework_id(), lease.executor_id(),
                    lease.container_id());
  };
  std::sort(
      leases.begin(), leases.end(),
      [&](const v1::Lease& a, const v1::Lease& b) { return key(a) < key(b); });
}

absl::StatusOr<v1::ShimConfigureRequest> ConfigureOf(
    const v1::ChangeLeasesRequest& request) {
  v1::ShimConfigureRequest configure;
  switch (request.change_case()) {
    case v1::ChangeLeasesRequest::kExtend:
      *configure.mutable_extend_fence() = request.extend();
      break;
    case v1::ChangeLeasesRequest::kPause:
      configure.set_fence_paused(request.pause());
      break;
    case v1::ChangeLeasesRequest::kRecoveryTimeout:
      *configure.mutable_recovery_timeout() = request.recovery_timeout();
      break;
    case v1::ChangeLeasesRequest::CHANGE_NOT_SET:
      return absl::InvalidArgumentError(
          "change leases: neither extend, pause nor recovery_timeout is set");
  }
  if (FromProto(configure.extend_fence()) < absl::ZeroDuration() ||
      FromProto(configure.recovery_timeout()) < absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        "change leases: the duration must not be negative");
  }
  return configure;
}

// What the executors of one request answer, until all of them have.
struct Changing {
  v1::ChangeLeasesResponse response;
  size_t left = 0;
  size_t unchanged = 0;
  absl::Status first_error;
};

absl::StatusOr<v1::ChangeLeasesResponse> Outcome(Changing& changing) {
  if (changing.unchanged > 0) {
    return Annotate(
        changing.first_error,
        absl::StrCat("change leases: ", changing.unchanged, " of ",
                     changing.unchanged + changing.response.leases_size(),
                     " executors are not changed"));
  }
  Sort(*changing.response.mutable_leases());
  return std::move(changing.response);
}

}  // namespace

void Agent::ListLeases(const v1::ListLeasesRequest& request,
                       Reply<v1::ListLeasesResponse> reply) {
  const absl::Duration now = loop_.clock().SinceBoot();
  v1::ListLeasesResponse response;
  for (const auto& [id, executor] : executors_) {
    const std::string& framework_id = executor->facts().intent.framework_id();
    if (!Lives(*executor) || (!request.framework_id().empty() &&
                              request.framework_id() != framework_id)) {
      continue;
    }
    *response.add_leases() = MakeLease(*executor, FenceOf(*executor, now));
  }
  Sort(*response.mutable_leases());
  reply(std::move(response));
}

// Each once; of all, those alone that outlive their agent.
absl::StatusOr<std::vector<std::shared_ptr<Executor>>> Agent::FindLeases(
    const v1::ChangeLeasesRequest& request) const {
  std::vector<std::shared_ptr<Executor>> found;
  if (request.task_ids().empty() && !request.all()) {
    return absl::InvalidArgumentError(
        "change leases: neither task_ids nor all is set");
  }
  for (const std::string& task_id : request.task_ids()) {
    HOLDFAST_ASSIGN_OR_RETURN(const Found task,
                              FindTask(request.framework_id(), task_id));
    found.push_back(task.executor->shared_from_this());
  }
  if (request.task_ids().empty()) {
    for (const auto& [id, executor] : executors_) {
      if (!Lives(*executor) || !executor->checkpoint()) continue;
      if (request.framework_id().empty() ||
          request.framework_id() == executor->facts().intent.framework_id()) {
        found.push_back(executor);
      }
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

void Agent::ChangeLeases(const v1::ChangeLeasesRequest& request,
                         Reply<v1::ChangeLeasesResponse> reply) {
  const auto configure = ConfigureOf(request);
  if (!configure.ok()) return reply(configure.status());
  const auto executors = FindLeases(request);
  if (!executors.ok()) return reply(executors.status());
  if (executors->empty()) return reply(v1::ChangeLeasesResponse());
  auto changing = std::make_shared<Changing>();
  changing->left = executors->size();
  const bool all = request.task_ids().empty();
  for (const std::shared_ptr<Executor>& executor : *executors) {
    executor->Configure(
        *configure, [executor, changing, reply,
                     all](const absl::StatusOr<v1::FenceStatus>& fence) {
          if (fence.ok()) {
            *changing->response.add_leases() = MakeLease(*executor, *fence);
          } else if (!all || Lives(*executor)) {  // it may end meanwhile
            changing->first_error.Update(fence.status());
            ++changing->unchanged;
          }
          if (--changing->left == 0) reply(Outcome(*changing));
        });
  }
}

void Agent::GetTimeline(const v1::GetTimelineRequest& request,
                        Reply<v1::GetTimelineResponse> reply) {
  const absl::StatusOr<Found> found =
      FindTask(request.framework_id(), request.task_id());
  if (!found.ok()) return reply(found.status());
  v1::GetTimelineResponse response;
  for (v1::TimelineEvent& event :
       MakeTimeline(found->executor->facts(), *found->task,
                    [this](const v1::StatusUpdate& update) {
                      return hub_.DeliveredAt(update);
                    })) {
    *response.add_events() = std::move(event);
  }
  reply(std::move(response));
}

}  // namespace holdfast
