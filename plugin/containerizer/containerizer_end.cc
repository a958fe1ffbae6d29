// Containerizer: how a container's end is awaited, brought about and forgotten.

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/reasons.h"
#include "plugin/containerizer/container_words.h"
#include "plugin/containerizer/containerizer.h"
#include "plugin/service/agent_errors.h"

namespace holdfast {

void Containerizer::OnChange(const Executor& executor) {
  const std::string& framework_id = executor.facts().intent.framework_id();
  if (!IsOwnersFramework(framework_id)) return;
  for (const TaskFacts& task : executor.facts().tasks) {
    const EndWaiters::Key key(framework_id, task.info.task_id());
    if (!waiters_.IsAwaited(key)) continue;
    const Name name = {framework_id.substr(sizeof kOwnerPrefix - 1), key.second,
                       framework_id};
    const absl::StatusOr<std::shared_ptr<Executor>> found = Find(name);
    if (absl::IsUnavailable(found.status())) continue;
    if (!found.ok()) {
      waiters_.Answer(key, found.status());
    } else if (const auto* end = FindEnd((*found)->facts())) {
      waiters_.Answer(key, TerminationOf(*end));
    }
  }
}

void Containerizer::AwaitEnd(const Name& name, const Caller& caller,
                             EndWaiters::Reply reply) {
  const absl::StatusOr<std::shared_ptr<Executor>> found = Find(name);
  if (!found.ok()) return reply(found.status());
  if (const v1::TaskStatus* end = FindEnd((*found)->facts())) {
    return reply(TerminationOf(*end));
  }
  waiters_.Add({name.framework_id, name.container_id}, caller,
               std::move(reply));
}

void Containerizer::Wait(const v1::WaitContainerRequest& request,
                         const Caller& caller,
                         Reply<v1::WaitContainerResponse> reply) {
  const absl::StatusOr<Name> name = NameOf(request);
  if (!name.ok()) return reply(name.status());
  AwaitEnd(*name, caller,
           [reply = std::move(reply)](
               const absl::StatusOr<v1::ContainerTermination>& end) {
             if (!end.ok()) return reply(end.status());
             v1::WaitContainerResponse response;
             *response.mutable_termination() = *end;
             reply(std::move(response));
           });
}

void Containerizer::Destroy(const v1::DestroyContainerRequest& request,
                            const Caller& caller,
                            Reply<v1::DestroyContainerResponse> reply) {
  const absl::StatusOr<Name> name = NameOf(request);
  if (!name.ok()) return reply(name.status());
  const auto answer = [reply = std::move(reply)](
                          const absl::StatusOr<v1::ContainerTermination>& end) {
    if (!end.ok()) return reply(end.status());
    v1::DestroyContainerResponse response;
    *response.mutable_termination() = *end;
    reply(std::move(response));
  };
  v1::KillTaskRequest kill;
  kill.set_framework_id(name->framework_id);
  kill.set_task_id(name->container_id);
  if (request.has_grace_period()) {
    const absl::Status valid =
        CheckNotNegative("grace_period", request.grace_period());
    if (!valid.ok()) return answer(valid);
    *kill.mutable_grace_period() = request.grace_period();
  }
  // Of one that has ended: OK, and its end is the answer.
  agent_.KillTask(kill, [this, name = *name, caller, answer](
                            const absl::StatusOr<v1::KillTaskResponse>& told) {
    if (!told.ok()) {
      return answer(
          InOwnersWords(told.status(), name.owner, name.container_id));
    }
    AwaitEnd(name, caller, answer);
  });
}

void Containerizer::Stop() {
  waiters_.Close(WithReason(
      absl::UnavailableError("the agent is stopping; try again"), "STOPPING"));
}

void Containerizer::Remove(const v1::RemoveContainerRequest& request,
                           Reply<v1::RemoveContainerResponse> reply) {
  const absl::StatusOr<Name> name = NameOf(request);
  if (!name.ok()) return reply(name.status());
  const auto gone = [reply = std::move(reply)](const absl::Status& removed) {
    if (!removed.ok() && !absl::IsNotFound(removed)) return reply(removed);
    reply(v1::RemoveContainerResponse());
  };
  const absl::StatusOr<std::shared_ptr<Executor>> found = Find(*name);
  if (!found.ok()) return gone(found.status());
  if (FindEnd((*found)->facts()) == nullptr) {
    return gone(WithReason(absl::FailedPreconditionError(absl::StrCat(
                               "remove container ", name->container_id,
                               ": it has not ended; destroy it first")),
                           "CONTAINER_NOT_ENDED"));
  }
  AcknowledgeAll(*name, [this, name = *name, gone](const absl::Status& told) {
    if (!told.ok()) return gone(told);
    v1::RemoveTaskRequest remove;
    remove.set_framework_id(name.framework_id);
    remove.set_task_id(name.container_id);
    agent_.RemoveTask(
        remove, [gone](const absl::StatusOr<v1::RemoveTaskResponse>& removed) {
          gone(removed.status());
        });
  });
}

// What nobody else acknowledges; the owner has it by now, or wants no more.
void Containerizer::AcknowledgeAll(const Name& name,
                                   std::function<void(absl::Status)> then) {
  const absl::StatusOr<std::shared_ptr<Executor>> found = Find(name);
  if (!found.ok()) return then(found.status());
  const auto* oldest = (*found)->facts().OldestUnacknowledged();
  if (oldest == nullptr) return then(absl::OkStatus());
  (*found)->Acknowledge(oldest->uuid(), [this, name, then = std::move(then)](
                                            const absl::Status& acknowledged) {
    if (acknowledged.ok()) return AcknowledgeAll(name, then);
    // Only a container is NotFound here, not an update of one.
    then(absl::IsNotFound(acknowledged)
             ? absl::UnavailableError(acknowledged.message())
             : acknowledged);
  });
}

}  // namespace holdfast
