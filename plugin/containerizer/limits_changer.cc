#include "plugin/containerizer/limits_changer.h"

#include "absl/strings/str_cat.h"
#include "api/reasons.h"
#include "base/log.h"
#include "plugin/launch/launch_request.h"
#include "plugin/rows/task_row.h"

namespace holdfast {
namespace {

constexpr absl::Duration kRecordLook = absl::Milliseconds(1);

absl::Status NotNow(const Executor& executor) {
  const ExecutorFacts& facts = executor.facts();
  if (facts.exited || executor.state() == ExecutorState::kEnded ||
      executor.state() == ExecutorState::kGone) {
    return WithReason(absl::FailedPreconditionError("it has ended"),
                      "CONTAINER_ENDED");
  }
  if (executor.state() == ExecutorState::kAttached) return absl::OkStatus();
  return WithReason(
      absl::UnavailableError(executor.condition().empty()
                                 ? "it is still being launched; try again"
                                 : executor.condition()),
      "RECOVERING");
}

// Of setting them: its group goes when it ends.
absl::Status ReasonOfRefusal(const absl::Status& refused) {
  if (absl::IsNotFound(refused)) {
    return WithReason(absl::FailedPreconditionError("it has just ended"),
                      "CONTAINER_ENDED");
  }
  if (!absl::IsFailedPrecondition(refused)) return refused;
  return WithReason(refused, "LIMIT_NOT_ENFORCEABLE");
}

}  // namespace

void LimitsChanger::Change(std::shared_ptr<Executor> executor,
                           const v1::Resources& resources, Done done) {
  Queue& queue = queues_[executor->container_id()];
  queue.push_back({std::move(executor), resources, std::move(done)});
  if (queue.size() == 1) Begin(Work(queue.front()));
}

void LimitsChanger::Begin(const Work& work) {
  if (absl::Status possible = NotNow(*work.executor); !possible.ok()) {
    return Finish(work, possible);
  }
  if (absl::Status possible =
          cgroups_.CheckEnforceable(LimitsOf(work.resources));
      !possible.ok()) {
    return Finish(work, ReasonOfRefusal(possible));
  }
  Impose(work, work.resources, [this, work](const absl::Status& imposed) {
    if (!imposed.ok()) return Restore(work, ReasonOfRefusal(imposed));
    Keep(work);
  });
}

void LimitsChanger::Impose(const Work& work, const v1::Resources& resources,
                           Done then) {
  workers_.Run([this, id = work.executor->container_id(),
                limits = LimitsOf(resources), then = std::move(then)] {
    const absl::Status imposed = cgroups_.SetLimits(id, limits);
    loop_.Post([then, imposed] { then(imposed); });
  });
}

void LimitsChanger::Keep(const Work& work) {
  v1::ShimConfigureRequest configure;
  *configure.mutable_resources() = work.resources;
  work.executor->Configure(
      configure, [this, work](const absl::StatusOr<v1::FenceStatus>& kept) {
        if (kept.ok()) return AwaitRecord(work);
        Restore(work, absl::IsFailedPrecondition(kept.status())
                          ? WithReason(kept.status(), "CONTAINER_ENDED")
                          : kept.status());
      });
}

// The shim's answer may overtake its record, and whoever asks next is to be
// told of these limits.
void LimitsChanger::AwaitRecord(const Work& work) {
  const ExecutorFacts& facts = work.executor->facts();
  if (work.executor->state() != ExecutorState::kAttached ||
      LimitsInForce(facts).SerializeAsString() ==
          work.resources.SerializeAsString()) {
    return Finish(work, absl::OkStatus());
  }
  loop_.After(kRecordLook, [this, work] { AwaitRecord(work); });
}

void LimitsChanger::Restore(const Work& work, const absl::Status& why) {
  Impose(work, LimitsInForce(work.executor->facts()),
         [this, work, why](const absl::Status& restored) {
           if (!restored.ok() && !absl::IsNotFound(restored)) {
             Log(Severity::kError,
                 absl::StrCat("its former limits: ", restored.message()),
                 {{"container", work.executor->container_id()}});
           }
           Finish(work, why);
         });
}

void LimitsChanger::Finish(const Work& work, const absl::Status& status) {
  const auto found = queues_.find(work.executor->container_id());
  found->second.pop_front();
  if (found->second.empty()) {
    queues_.erase(found);
  } else {
    loop_.Post([this, next = found->second.front()] { Begin(next); });
  }
  work.done(status);
}

}  // namespace holdfast
