// Containerizer: what there is, for an owner that comes back and for one that
// asks.

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "plugin/containerizer/container_words.h"
#include "plugin/containerizer/containerizer.h"
#include "plugin/service/agent_errors.h"

namespace holdfast {
namespace {

constexpr int kMostContainers = 10'000;

absl::Status CheckNamed(const v1::RecoverRequest& request) {
  if (request.container_ids_size() > kMostContainers) {
    return absl::InvalidArgumentError(
        absl::StrCat("container_ids has ", request.container_ids_size(),
                     " entries; at most ", kMostContainers, " are allowed"));
  }
  for (const std::string& id : request.container_ids()) {
    absl::Status valid = ValidateId("container_ids", id);
    if (!valid.ok()) return valid;
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> Containerizer::List(const std::string& owner) const {
  v1::GetTasksRequest request;
  request.set_framework_id(FrameworkOfOwner(owner));
  request.set_include_ended(true);
  std::vector<std::string> ids;
  agent_.GetTasks(request, [&](const absl::StatusOr<v1::GetTasksResponse>& of) {
    for (const v1::Task& task : of->tasks()) ids.push_back(task.task_id());
  });
  return ids;
}

void Containerizer::Recover(const v1::RecoverRequest& request,
                            Reply<v1::RecoverResponse> reply) {
  absl::Status valid = ValidateOwner(request.owner());
  if (valid.ok()) valid = CheckNamed(request);
  if (!valid.ok()) return reply(valid);
  if (agent_.recovering()) {
    return reply(Recovering(absl::StrCat("owner ", request.owner())));
  }
  RegisterOwner(request.owner(), [this, request, reply = std::move(reply)](
                                     const absl::Status& registered) {
    if (!registered.ok()) return reply(registered);
    reply(WhatIsThere(request));
  });
}

v1::RecoverResponse Containerizer::WhatIsThere(
    const v1::RecoverRequest& request) const {
  v1::RecoverResponse response;
  std::set<std::string> told;
  for (const std::string& id : request.container_ids()) {
    if (!told.insert(id).second) continue;
    v1::RecoverResponse::Container& container = *response.add_containers();
    Describe(request.owner(), id, container);
    container.set_named(true);
  }
  for (const std::string& id : List(request.owner())) {
    if (!told.insert(id).second) continue;
    Describe(request.owner(), id, *response.add_containers());
  }
  return response;
}

void Containerizer::Describe(const std::string& owner,
                             const std::string& container_id,
                             v1::RecoverResponse::Container& container) const {
  container.set_container_id(container_id);
  const Name name = {owner, container_id, FrameworkOfOwner(owner)};
  const absl::StatusOr<std::shared_ptr<Executor>> found = Find(name);
  if (!found.ok()) return container.set_state(StateOfUnfound(name));
  const Executor& executor = **found;
  container.set_state(
      StateOf(executor.facts(), executor.state() == ExecutorState::kAttached));
  const v1::TaskStatus* end = FindEnd(executor.facts());
  if (end != nullptr) {
    *container.mutable_termination() = TerminationOf(*end);
  } else {
    container.set_pid(PidOf(executor.facts()));
  }
}

// As an orchestrator would be told of such a task.
v1::RecoverResponse::State Containerizer::StateOfUnfound(
    const Name& name) const {
  v1::ReconcileRequest request;
  request.set_framework_id(name.framework_id);
  request.add_task_ids(name.container_id);
  bool never_started = false;
  agent_.Reconcile(
      request, [&](const absl::StatusOr<v1::ReconcileResponse>& answer) {
        never_started = answer.ok() && answer->rows(0).answer() ==
                                           v1::ReconcileResponse::NEVER_STARTED;
      });
  return never_started ? v1::RecoverResponse::NEVER_STARTED
                       : v1::RecoverResponse::UNKNOWN;
}

v1::Task Containerizer::RowOf(const Name& name) const {
  v1::GetTaskRequest request;
  request.set_framework_id(name.framework_id);
  request.set_task_id(name.container_id);
  v1::Task row;
  agent_.GetTask(request, [&](const absl::StatusOr<v1::GetTaskResponse>& task) {
    if (task.ok()) row = task->task();
  });
  return row;
}

void Containerizer::Containers(const v1::ContainersRequest& request,
                               Reply<v1::ContainersResponse> reply) {
  const absl::Status valid = ValidateOwner(request.owner());
  if (!valid.ok()) return reply(valid);
  if (agent_.recovering()) {
    return reply(Recovering(absl::StrCat("owner ", request.owner())));
  }
  v1::ContainersResponse response;
  for (std::string& id : List(request.owner())) {
    response.add_container_ids(std::move(id));
  }
  reply(std::move(response));
}

void Containerizer::Status(const v1::ContainerStatusRequest& request,
                           Reply<v1::ContainerStatusResponse> reply) {
  const absl::StatusOr<Name> name = NameOf(request);
  if (!name.ok()) return reply(name.status());
  const absl::StatusOr<std::shared_ptr<Executor>> found = Find(*name);
  if (!found.ok()) return reply(found.status());
  v1::RecoverResponse::Container container;
  Describe(name->owner, name->container_id, container);
  const v1::Task row = RowOf(*name);
  v1::ContainerStatusResponse response;
  response.set_state(container.state());
  response.set_pid(container.pid());
  response.set_shim_pid(row.shim_pid());
  response.set_attached(row.attached());
  response.set_condition(row.condition());
  response.set_cgroup(
      absl::StrCat(cgroups_root_, "/", row.container_id(), "/executor"));
  response.set_sandbox(row.sandbox());
  if (container.has_termination()) {
    *response.mutable_termination() = container.termination();
  }
  if (row.has_start_time()) *response.mutable_start_time() = row.start_time();
  reply(std::move(response));
}

}  // namespace holdfast
