// Agent: frameworks, and the launch of their tasks.

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/reasons.h"
#include "api/validate.h"
#include "base/errors.h"
#include "base/failpoint.h"
#include "base/uuid.h"
#include "plugin/service/agent.h"
#include "plugin/service/agent_errors.h"
#include "plugin/service/task_row.h"

namespace holdfast {

void Agent::RegisterFramework(const v1::RegisterFrameworkRequest& request,
                              Reply<v1::RegisterFrameworkResponse> reply) {
  const v1::FrameworkInfo& framework = request.framework();
  if (absl::Status valid = ValidateFramework(framework); !valid.ok()) {
    return reply(valid);
  }
  if (!containers_known_) {
    return OnceAccepted(
        [this, request, reply] { RegisterFramework(request, reply); });
  }
  frameworks_.Register(
      framework, [this, framework, reply](const absl::Status& registered) {
        if (!registered.ok()) return reply(registered);
        StartFailoverClock(framework);
        if (framework.implicit_acknowledgement()) {
          for (const auto& [id, executor] : executors_) {
            if (executor->facts().intent.framework_id() ==
                framework.framework_id()) {
              OnFacts(*executor);
            }
          }
        }
        v1::RegisterFrameworkResponse response;
        response.set_agent_id(info().agent_id());
        response.set_agent_incarnation(options_.incarnation);
        reply(response);
      });
}

// --- Launch ----------------------------------------------------------------

void Agent::LaunchTask(const v1::LaunchTaskRequest& request,
                       Reply<v1::LaunchTaskResponse> reply) {
  if (absl::Status valid = ValidateTask(request.task()); !valid.ok()) {
    return reply(valid);
  }
  const v1::FrameworkInfo* framework = frameworks_.Find(request.framework_id());
  if (framework == nullptr) {
    return reply(FrameworkUnknown(request.framework_id()));
  }
  Launch(*framework, request.task(), std::move(reply));
}

void Agent::Launch(const v1::FrameworkInfo& framework, const v1::TaskInfo& task,
                   Reply<v1::LaunchTaskResponse> reply) {
  const TaskKey key(framework.framework_id(), task.task_id());
  if (const auto found = launching_.find(key); found != launching_.end()) {
    return found->second.push_back(std::move(reply));
  }
  if (const auto known = tasks_.find(key); known != tasks_.end()) {
    if (known->second->is_certain()) return reply(LaunchAnswer(key));
    if (known->second->state() != ExecutorState::kGone) {
      return reply(Recovering(absl::StrCat("launch task ", task.task_id())));
    }
    Forget(*known->second);  // rolled back just now
  }
  if (!KnowsAllTasks()) {
    return reply(Recovering(absl::StrCat("launch task ", task.task_id())));
  }
  if (absl::Status launchable = CheckLaunchable(framework.framework_id());
      !launchable.ok()) {
    return reply(
        Annotate(launchable, absl::StrCat("launch task ", task.task_id())));
  }
  if (absl::Status possible = cgroups_.CheckEnforceable(LimitsOf(task));
      !possible.ok()) {
    return reply(WithReason(possible, "LIMIT_NOT_ENFORCEABLE"));
  }
  ++tally_.launches;
  launching_[key].push_back(std::move(reply));
  HOLDFAST_FAILPOINT(LaunchReceived);
  StartExecutor(framework, task);
}

void Agent::StartExecutor(const v1::FrameworkInfo& framework,
                          const v1::TaskInfo& task) {
  const TaskKey key(framework.framework_id(), task.task_id());
  const auto answer = [this, key](const absl::Status& status) {
    AnswerLaunch(key, status);
  };
  if (task.has_executor()) {
    if (const std::shared_ptr<Executor> living =
            FindLivingExecutor(key.first, task.executor().executor_id())) {
      return living->LaunchTask(task, answer);
    }
  }
  LaunchRequest launch;
  launch.container_id = RandomUuid();
  launch.agent_id = info().agent_id();
  launch.boot_id = options_.boot_id;
  launch.framework = framework;
  launch.task = task;
  launch.recovery_timeout = options_.recovery_timeout;
  launch.grace_period = options_.executor_shutdown_grace_period;
  launch.time = loop_.clock().Now();
  auto executor = std::make_shared<Executor>(environment_, launch.container_id,
                                             framework.checkpoint());
  executors_[launch.container_id] = executor;
  executor->Launch(std::move(launch), answer);
  Index(*executor, task.task_id());
}

void Agent::AnswerLaunch(const TaskKey& key, const absl::Status& status) {
  auto waiting = launching_.extract(key);
  if (waiting.empty()) return;
  // An executor that ended meanwhile may have taken the task all the same.
  absl::StatusOr<v1::LaunchTaskResponse> answer = LaunchAnswer(key);
  if (!status.ok() && absl::IsNotFound(answer.status())) answer = status;
  if (!answer.ok()) ++tally_.launch_failures;
  for (const auto& reply : waiting.mapped()) reply(answer);
  HOLDFAST_FAILPOINT(LaunchAnswered);
}

absl::StatusOr<v1::LaunchTaskResponse> Agent::LaunchAnswer(
    const TaskKey& key) const {
  absl::StatusOr<Found> found = FindTask(key.first, key.second);
  if (!found.ok()) return found.status();
  for (const v1::StatusUpdate& update : found->task->updates) {
    if (update.status().reason() != v1::REASON_CONTAINER_LAUNCH_FAILED) {
      continue;
    }
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "launch task ", key.second, ": ", update.status().message())),
        "LAUNCH_FAILED");
  }
  v1::LaunchTaskResponse response;
  *response.mutable_task() =
      MakeTaskRow(*found->executor, *found->task, store_.layout());
  return response;
}

}  // namespace holdfast
