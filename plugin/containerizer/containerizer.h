#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "api/containerizer.pb.h"
#include "api/ids.h"
#include "api/owners.h"
#include "base/event_loop.h"
#include "base/worker_pool.h"
#include "cgroups/cgroups.h"
#include "plugin/containerizer/end_waiters.h"
#include "plugin/containerizer/limits_changer.h"
#include "plugin/service/agent.h"

namespace holdfast {

// Holdfast as the containerizer of another agent (api/containerizer.proto has
// each call's contract): a second face of the agent, for which an owner is a
// framework of a reserved name (api/owners.h), a container its command task,
// and its terminal update unacknowledged until the owner removes it. So all
// that holds for executors holds for containers, and what an owner is told of
// an end is in a journal. Lives on the agent's loop; every answer comes through
// `reply`, at once or later.
class Containerizer {
 public:
  template <typename Response>
  using Reply = Agent::Reply<Response>;
  using Caller = std::shared_ptr<EndWaiters::Caller>;

  // All of these outlive it. It is the agent's observer from now on.
  Containerizer(EventLoop& loop, WorkerPool& workers, Cgroups& cgroups,
                Agent& agent, std::string cgroups_root);

  void Recover(const v1::RecoverRequest& request,
               Reply<v1::RecoverResponse> reply);
  void Launch(const v1::LaunchContainerRequest& request,
              Reply<v1::LaunchContainerResponse> reply);
  // These two wait for as long as the container lives; Drop says that
  // `caller` no longer does.
  void Wait(const v1::WaitContainerRequest& request, const Caller& caller,
            Reply<v1::WaitContainerResponse> reply);
  void Destroy(const v1::DestroyContainerRequest& request, const Caller& caller,
               Reply<v1::DestroyContainerResponse> reply);
  void Drop(const Caller& caller) { waiters_.Drop(caller); }
  // The plugin stops: whoever waits is told to ask its next life.
  void Stop();
  void Update(const v1::UpdateContainerRequest& request,
              Reply<v1::UpdateContainerResponse> reply);
  void Usage(const v1::ContainerUsageRequest& request,
             Reply<v1::ContainerUsageResponse> reply);
  void Status(const v1::ContainerStatusRequest& request,
              Reply<v1::ContainerStatusResponse> reply);
  void Kill(const v1::KillContainerRequest& request,
            Reply<v1::KillContainerResponse> reply);
  void Containers(const v1::ContainersRequest& request,
                  Reply<v1::ContainersResponse> reply);
  void Remove(const v1::RemoveContainerRequest& request,
              Reply<v1::RemoveContainerResponse> reply);

 private:
  // A container by its owner's names for it.
  struct Name {
    std::string owner;
    std::string container_id;
    std::string framework_id;
  };
  template <typename Request>
  static absl::StatusOr<Name> NameOf(const Request& request);

  // NotFound CONTAINER_UNKNOWN, Unavailable RECOVERING.
  absl::StatusOr<std::shared_ptr<Executor>> Find(const Name& name) const;
  // All that are known of an owner, by their start.
  std::vector<std::string> List(const std::string& owner) const;
  v1::RecoverResponse WhatIsThere(const v1::RecoverRequest& request) const;
  void Describe(const std::string& owner, const std::string& container_id,
                v1::RecoverResponse::Container& container) const;
  v1::RecoverResponse::State StateOfUnfound(const Name& name) const;
  v1::Task RowOf(const Name& name) const;

  void RegisterOwner(const std::string& owner,
                     std::function<void(absl::Status)> done);
  void LaunchTask(const Name& name, const v1::ContainerConfig& config,
                  Reply<v1::LaunchContainerResponse> reply);
  void AwaitEnd(const Name& name, const Caller& caller,
                EndWaiters::Reply reply);
  void OnChange(const Executor& executor);
  void AcknowledgeAll(const Name& name, std::function<void(absl::Status)> then);

  EventLoop& loop_;
  WorkerPool& workers_;
  Cgroups& cgroups_;
  Agent& agent_;
  const std::string cgroups_root_;
  EndWaiters waiters_;
  LimitsChanger limits_;
};

template <typename Request>
absl::StatusOr<Containerizer::Name> Containerizer::NameOf(
    const Request& request) {
  absl::Status valid = ValidateOwner(request.owner());
  if (valid.ok()) valid = ValidateId("container_id", request.container_id());
  if (!valid.ok()) return valid;
  return Name{request.owner(), request.container_id(),
              FrameworkOfOwner(request.owner())};
}

}  // namespace holdfast
