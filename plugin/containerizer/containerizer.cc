#include "plugin/containerizer/containerizer.h"

#include <utility>

#include "api/validate.h"
#include "plugin/containerizer/container_words.h"

namespace holdfast {

Containerizer::Containerizer(EventLoop& loop, WorkerPool& workers,
                             Cgroups& cgroups, Agent& agent,
                             std::string cgroups_root)
    : loop_(loop),
      workers_(workers),
      cgroups_(cgroups),
      agent_(agent),
      cgroups_root_(std::move(cgroups_root)),
      limits_(loop, workers, cgroups) {
  agent_.Observe([this](const Executor& executor) { OnChange(executor); });
}

absl::StatusOr<std::shared_ptr<Executor>> Containerizer::Find(
    const Name& name) const {
  absl::StatusOr<std::shared_ptr<Executor>> found =
      agent_.FindExecutor(name.framework_id, name.container_id);
  if (found.ok()) return found;
  return InOwnersWords(found.status(), name.owner, name.container_id);
}

void Containerizer::RegisterOwner(const std::string& owner,
                                  std::function<void(absl::Status)> done) {
  v1::RegisterFrameworkRequest request;
  v1::FrameworkInfo& framework = *request.mutable_framework();
  framework.set_framework_id(FrameworkOfOwner(owner));
  framework.set_name(owner);
  framework.set_checkpoint(true);
  agent_.RegisterFramework(
      request,
      [done = std::move(done)](
          const absl::StatusOr<v1::RegisterFrameworkResponse>& registered) {
        done(registered.status());
      });
}

void Containerizer::Launch(const v1::LaunchContainerRequest& request,
                           Reply<v1::LaunchContainerResponse> reply) {
  const absl::StatusOr<Name> name = NameOf(request);
  if (!name.ok()) return reply(name.status());
  v1::LaunchContainerResponse refusal;
  refusal.set_message(WhatIsNotSupported(request.config()));
  if (!refusal.message().empty()) {
    refusal.set_result(v1::LaunchContainerResponse::NOT_SUPPORTED);
    return reply(std::move(refusal));
  }
  const absl::Status valid =
      ValidateTask(TaskOf(name->container_id, request.config()));
  if (!valid.ok()) return reply(valid);
  if (agent_.FindFramework(name->framework_id) != nullptr) {
    return LaunchTask(*name, request.config(), std::move(reply));
  }
  RegisterOwner(name->owner,
                [this, name = *name, config = request.config(),
                 reply = std::move(reply)](const absl::Status& registered) {
                  if (!registered.ok()) return reply(registered);
                  LaunchTask(name, config, reply);
                });
}

void Containerizer::LaunchTask(const Name& name,
                               const v1::ContainerConfig& config,
                               Reply<v1::LaunchContainerResponse> reply) {
  v1::FrameworkInfo framework = *agent_.FindFramework(name.framework_id);
  framework.set_checkpoint(config.checkpoint());
  const bool known = Find(name).ok();
  agent_.Launch(framework, TaskOf(name.container_id, config),
                [this, name, known, reply = std::move(reply)](
                    const absl::StatusOr<v1::LaunchTaskResponse>& launched) {
                  if (!launched.ok()) return reply(launched.status());
                  v1::LaunchContainerResponse response;
                  response.set_result(
                      known ? v1::LaunchContainerResponse::ALREADY_LAUNCHED
                            : v1::LaunchContainerResponse::SUCCESS);
                  const auto executor = Find(name);
                  if (executor.ok())
                    response.set_pid(PidOf((*executor)->facts()));
                  reply(std::move(response));
                });
}

}  // namespace holdfast
