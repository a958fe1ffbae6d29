// Agent: what it is asked, and does nothing for.

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/time_convert.h"
#include "plugin/service/agent.h"
#include "plugin/service/agent_errors.h"
#include "plugin/service/task_row.h"

namespace holdfast {

void Agent::Reconcile(const v1::ReconcileRequest& request,
                      Reply<v1::ReconcileResponse> reply) {
  constexpr int kMostTasks = 10'000;
  if (request.task_ids_size() > kMostTasks) {
    return reply(absl::InvalidArgumentError(
        absl::StrCat("task_ids has ", request.task_ids_size(),
                     " entries; at most ", kMostTasks, " are allowed")));
  }
  const v1::FrameworkInfo* framework = frameworks_.Find(request.framework_id());
  v1::ReconcileResponse response;
  const auto add = [&](const std::string& task_id) {
    v1::ReconcileResponse::Row& row = *response.add_rows();
    row.set_task_id(task_id);
    const absl::StatusOr<Found> found =
        FindTask(request.framework_id(), task_id);
    if (found.ok() && !found->executor->is_certain()) {
      row.set_answer(v1::ReconcileResponse::RECOVERING);
    } else if (found.ok()) {
      *row.mutable_task() =
          MakeTaskRow(*found->executor, *found->task, store_.layout());
      row.set_answer(row.task().reason() == v1::REASON_AGENT_REBOOTED
                         ? v1::ReconcileResponse::REBOOTED
                         : v1::ReconcileResponse::KNOWN);
    } else if (!KnowsAllTasks()) {
      row.set_answer(v1::ReconcileResponse::RECOVERING);
    } else if (framework != nullptr && framework->checkpoint() &&
               !anything_quarantined_) {
      row.set_answer(v1::ReconcileResponse::NEVER_STARTED);
    } else {
      row.set_answer(v1::ReconcileResponse::UNKNOWN_HERE);
    }
  };
  for (const std::string& task_id : request.task_ids()) add(task_id);
  if (request.task_ids().empty()) {
    for (const auto& [key, executor] : tasks_) {
      if (key.first == request.framework_id()) add(key.second);
    }
  }
  reply(response);
}

void Agent::GetTasks(const v1::GetTasksRequest& request,
                     Reply<v1::GetTasksResponse> reply) {
  v1::GetTasksResponse response;
  for (const auto& [key, executor] : tasks_) {
    if (!request.framework_id().empty() &&
        key.first != request.framework_id()) {
      continue;
    }
    const TaskFacts* task = executor->facts().FindTask(key.second);
    if (task == nullptr || (task->IsTerminal() && !request.include_ended())) {
      continue;
    }
    *response.add_tasks() = MakeTaskRow(*executor, *task, store_.layout());
  }
  std::sort(response.mutable_tasks()->begin(), response.mutable_tasks()->end(),
            [](const v1::Task& a, const v1::Task& b) {
              const absl::Time a_start = FromProto(a.start_time());
              const absl::Time b_start = FromProto(b.start_time());
              return std::tie(a_start, a.task_id()) <
                     std::tie(b_start, b.task_id());
            });
  reply(std::move(response));
}

void Agent::GetTask(const v1::GetTaskRequest& request,
                    Reply<v1::GetTaskResponse> reply) {
  const absl::StatusOr<Found> found =
      FindTask(request.framework_id(), request.task_id());
  if (!found.ok()) return reply(found.status());
  v1::GetTaskResponse response;
  *response.mutable_task() =
      MakeTaskRow(*found->executor, *found->task, store_.layout());
  const TaskFacts& task = *found->task;
  for (size_t i = 0; i < task.updates.size(); ++i) {
    *response.add_updates() = task.updates[i];
    if (i >= task.acknowledged) {
      response.add_unacknowledged_uuids(task.updates[i].uuid());
    }
  }
  *response.mutable_info() = task.info;
  reply(std::move(response));
}

void Agent::GetAgent(const v1::GetAgentRequest&,
                     Reply<v1::GetAgentResponse> reply) {
  v1::GetAgentResponse response;
  *response.mutable_agent() = info();
  response.mutable_agent()->MergeFrom(options_.host_resources);
  response.set_agent_incarnation(options_.incarnation);
  response.set_boot_id(options_.boot_id);
  response.set_version(options_.version);
  response.set_recovering(recovering());
  const auto [settled, all] = recovery_progress();
  response.set_executors_recovered(settled);
  response.set_executors_to_recover(all);
  response.set_work_dir(store_.layout().work_dir);
  response.set_runtime_dir(store_.layout().runtime_dir);
  response.set_cgroups_root(options_.cgroups_root);
  response.set_cgroups_mode(std::string(Name(cgroups_.mode())));
  response.mutable_flags()->Add(options_.flags.begin(), options_.flags.end());
  response.set_pid(getpid());
  response.set_frameworks(static_cast<uint32_t>(frameworks_.size()));
  response.set_executors(static_cast<uint32_t>(std::count_if(
      executors_.begin(), executors_.end(), [](const auto& entry) {
        return entry.second->state() != ExecutorState::kEnded;
      })));
  *response.mutable_start_time() = ToProto(start_time_);
  response.set_drain_state(drain_state());
  if (own_record_.get().has_drain()) {
    *response.mutable_drain() = own_record_.get().drain();
  }
  response.set_shut_down(shut_down());
  response.set_orphans(report_.living_orphans());
  response.set_quarantined(static_cast<uint32_t>(quarantined_));
  reply(std::move(response));
}

void Agent::GetRecovery(const v1::GetRecoveryRequest&,
                        Reply<v1::GetRecoveryResponse> reply) {
  v1::GetRecoveryResponse response = report_.ToProto();
  response.set_mode(std::string(Name(options_.recover)));
  response.set_strict(options_.strict);
  reply(std::move(response));
}

absl::StatusOr<uint64_t> Agent::Watch(const v1::WatchUpdatesRequest& request,
                                      std::shared_ptr<UpdateSink> sink) {
  if (!request.framework_id().empty() &&
      frameworks_.Find(request.framework_id()) == nullptr) {
    return FrameworkUnknown(request.framework_id());
  }
  const uint64_t watch = hub_.Watch(request, std::move(sink));
  if (!request.snapshot_only()) {
    failover_clock_.StreamBegan(request.framework_id(), watch);
  }
  return watch;
}

void Agent::ContinueWatch(uint64_t watch) { hub_.Continue(watch); }

void Agent::Unwatch(uint64_t watch) {
  hub_.Unwatch(watch);
  failover_clock_.StreamEnded(watch);
}

absl::StatusOr<Agent::LogSource> Agent::FindLogs(
    const std::string& framework_id, const std::string& task_id) const {
  absl::StatusOr<Found> found = FindTask(framework_id, task_id);
  if (!found.ok()) return found.status();
  return LogSource{store_.layout().Executor(found->executor->container_id(),
                                            found->executor->checkpoint()),
                   found->executor->facts().exited.has_value()};
}

}  // namespace holdfast
