// Agent: the end of tasks: kill, acknowledge, remove.

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/reasons.h"
#include "base/failpoint.h"
#include "plugin/service/agent.h"
#include "plugin/service/agent_errors.h"

namespace holdfast {
namespace {

constexpr absl::Duration kExitLook = absl::Milliseconds(5);
constexpr absl::Duration kShutdownMargin = absl::Seconds(2);

}  // namespace

void Agent::KillTask(const v1::KillTaskRequest& request,
                     Reply<v1::KillTaskResponse> reply) {
  const absl::StatusOr<Found> found =
      FindTask(request.framework_id(), request.task_id());
  if (!found.ok()) return reply(found.status());
  if (found->task->IsTerminal()) return reply(v1::KillTaskResponse());
  v1::ShimKillRequest kill;
  kill.set_task_id(request.task_id());
  kill.set_reason(v1::REASON_TASK_KILLED_BY_REQUEST);
  if (request.has_grace_period()) {
    const absl::Status valid =
        CheckNotNegative("grace_period", request.grace_period());
    if (!valid.ok()) return reply(valid);
    *kill.mutable_grace_period() = request.grace_period();
  }
  HOLDFAST_FAILPOINT(KillReceived);
  found->executor->Kill(kill, [this, reply](const absl::Status& status) {
    if (!status.ok()) return reply(status);
    ++tally_.kills;
    reply(v1::KillTaskResponse());
    HOLDFAST_FAILPOINT(KillAnswered);
  });
}

void Agent::AcknowledgeUpdate(const v1::AcknowledgeUpdateRequest& request,
                              Reply<v1::AcknowledgeUpdateResponse> reply) {
  const absl::StatusOr<Found> found =
      FindTask(request.framework_id(), request.task_id());
  if (!found.ok()) return reply(found.status());
  if (found->executor->facts().FindUpdate(request.uuid()) == nullptr) {
    return reply(WithReason(
        absl::NotFoundError(absl::StrCat("update ", request.uuid(), ": task ",
                                         request.task_id(), " has none")),
        "UPDATE_UNKNOWN"));
  }
  HOLDFAST_FAILPOINT(AcknowledgementReceived);
  found->executor->Acknowledge(
      request.uuid(), [reply](const absl::Status& status) {
        if (absl::IsFailedPrecondition(status)) {
          return reply(WithReason(status, "OUT_OF_ORDER"));
        }
        if (!status.ok()) return reply(status);
        reply(v1::AcknowledgeUpdateResponse());
        HOLDFAST_FAILPOINT(AcknowledgementAnswered);
      });
}

void Agent::AcknowledgeAll(Executor& executor, std::function<void()> then) {
  const v1::StatusUpdate* oldest = executor.facts().OldestUnacknowledged();
  if (oldest == nullptr) return then();
  executor.Acknowledge(oldest->uuid(),
                       [this, weak = executor.weak_from_this(),
                        then = std::move(then)](const absl::Status& status) {
                         const std::shared_ptr<Executor> self = weak.lock();
                         if (!status.ok() || self == nullptr) return then();
                         AcknowledgeAll(*self, then);
                       });
}

// A custom executor that has nothing left to do, and does not go by itself.
void Agent::ShutDownIdle(Executor& executor, std::function<void()> then,
                         Executor::Done fail) {
  v1::ShimKillRequest kill;
  kill.set_reason(v1::REASON_TASK_KILLED_BY_REQUEST);
  const absl::Duration give_up_at = loop_.clock().SinceBoot() +
                                    options_.executor_shutdown_grace_period +
                                    kShutdownMargin;
  executor.Kill(kill, [this, self = executor.shared_from_this(), give_up_at,
                       then, fail](const absl::Status& status) {
    if (!status.ok()) return fail(status);
    WaitForExit(self, give_up_at, then, fail);
  });
}

void Agent::WaitForExit(const std::shared_ptr<Executor>& executor,
                        absl::Duration give_up_at, std::function<void()> then,
                        Executor::Done fail) {
  if (executor->facts().exited) return then();
  if (loop_.clock().SinceBoot() > give_up_at) {
    return fail(
        WithReason(absl::UnavailableError(absl::StrCat(
                       "executor ", executor->facts().intent.executor_id(),
                       ": it was told to end, and has not yet; try again")),
                   "EXECUTOR_ENDING"));
  }
  loop_.After(kExitLook, [this, executor, give_up_at, then, fail] {
    WaitForExit(executor, give_up_at, then, fail);
  });
}

void Agent::RemoveTask(const v1::RemoveTaskRequest& request,
                       Reply<v1::RemoveTaskResponse> reply) {
  const absl::StatusOr<Found> found =
      FindTask(request.framework_id(), request.task_id());
  if (!found.ok()) return reply(found.status());
  const std::shared_ptr<Executor> executor =
      found->executor->shared_from_this();
  if (!executor->facts().AllTasksTerminal()) {
    return reply(WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "remove task ", request.task_id(),
            ": it or another task of its executor has not ended; kill it "
            "first")),
        "TASK_NOT_ENDED"));
  }
  const auto remove = [this, executor, reply, request] {
    if (!executor->facts().AllAcknowledged()) {
      return reply(WithReason(absl::FailedPreconditionError(absl::StrCat(
                                  "remove task ", request.task_id(), ": ",
                                  executor->facts().Unacknowledged().size(),
                                  " updates are not acknowledged by framework ",
                                  executor->facts().intent.framework_id())),
                              "UPDATES_UNACKNOWLEDGED"));
    }
    if (!executor->facts().exited) {
      return ShutDownIdle(
          *executor, [this, request, reply] { RemoveTask(request, reply); },
          [reply](const absl::Status& status) { reply(status); });
    }
    executor->Remove([reply](const absl::Status& status) {
      if (!status.ok()) return reply(status);
      reply(v1::RemoveTaskResponse());
    });
  };
  const v1::FrameworkInfo* framework =
      frameworks_.Find(executor->facts().intent.framework_id());
  // What the plugin acknowledges itself may be under way.
  if (framework != nullptr && framework->implicit_acknowledgement()) {
    return AcknowledgeAll(*executor, remove);
  }
  remove();
}

}  // namespace holdfast
