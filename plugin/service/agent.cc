#include "plugin/service/agent.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "api/reasons.h"
#include "api/time_convert.h"
#include "api/validate.h"
#include "base/log.h"
#include "base/uuid.h"
#include "plugin/service/task_row.h"

namespace holdfast {
namespace {

constexpr absl::Duration kExitLook = absl::Milliseconds(5);
constexpr absl::Duration kShutdownMargin = absl::Seconds(2);
constexpr absl::Duration kRegistrationPause = absl::Milliseconds(1);

absl::Status FrameworkUnknown(const std::string& id) {
  return WithReason(absl::NotFoundError(absl::StrCat(
                        "framework ", id, ": not registered with this agent")),
                    "FRAMEWORK_UNKNOWN");
}

absl::Status TaskUnknown(const std::string& framework_id,
                         const std::string& task_id) {
  return WithReason(
      absl::NotFoundError(absl::StrCat(
          "task ", task_id,
          framework_id.empty()
              ? ": no framework has it"
              : absl::StrCat(": framework ", framework_id, " has none"))),
      "TASK_UNKNOWN");
}

absl::Status Recovering(absl::string_view what) {
  return WithReason(
      absl::UnavailableError(absl::StrCat(
          what, ": the agent is still reading its checkpoint; try again")),
      "RECOVERING");
}

}  // namespace

Agent::Agent(EventLoop& loop, WorkerPool& workers, Files& files,
             AgentStore& store, Cgroups& cgroups, AgentOptions options)
    : loop_(loop),
      workers_(workers),
      files_(files),
      store_(store),
      cgroups_(cgroups),
      options_(std::move(options)),
      start_time_(loop.clock().Now()),
      launcher_(files, store.layout(), cgroups, options_.shim_path),
      environment_(MakeEnvironment()),
      hub_(options_.incarnation, [this] { return MakeHeader(); }),
      report_(loop.clock()) {}

Agent::~Agent() = default;

Executor::Environment Agent::MakeEnvironment() {
  return {
      .loop = loop_,
      .workers = workers_,
      .files = files_,
      .layout = store_.layout(),
      .launcher = launcher_,
      .agent_id = options_.info.agent_id(),
      .agent_incarnation = options_.incarnation,
      .boot_id = options_.boot_id,
      .on_record =
          [this](Executor& executor, const v1::JournalRecord& record) {
            OnRecord(executor, record);
          },
      .on_facts = [this](Executor& executor) { OnFacts(executor); },
      .on_state = [this](Executor& executor) { OnState(executor); },
      .on_damage = [this](Executor& executor) { return OnDamage(executor); },
  };
}

v1::WatchUpdatesResponse::Header Agent::MakeHeader() const {
  v1::WatchUpdatesResponse::Header header;
  header.set_agent_id(options_.info.agent_id());
  header.set_agent_incarnation(options_.incarnation);
  header.set_boot_id(options_.boot_id);
  header.set_recovering(recovering());
  return header;
}

// --- What executors tell ---------------------------------------------------

void Agent::OnRecord(Executor& executor, const v1::JournalRecord& record) {
  if (record.has_task_intent()) {
    Index(executor, record.task_intent().task().task_id());
  } else if (record.has_update()) {
    OnUpdate(executor, record.update());
  } else if (record.has_acknowledged()) {
    const v1::StatusUpdate* update =
        executor.facts().FindUpdate(record.acknowledged().uuid());
    if (update != nullptr) hub_.Acknowledged(*update);
  }
}

void Agent::OnUpdate(Executor& executor, const v1::StatusUpdate& update) {
  hub_.Add(update, /*acknowledged=*/false);
  const v1::FrameworkInfo* framework = FindFramework(update.framework_id());
  if (framework == nullptr || !framework->implicit_acknowledgement()) return;
  executor.Acknowledge(update.uuid(), [](const absl::Status&) {
    // Not stored: then it stays unacknowledged, and is tried again when the
    // executor is next found.
  });
}

void Agent::OnFacts(Executor& executor) {
  std::vector<std::pair<v1::StatusUpdate, bool>> updates;
  for (const TaskFacts& task : executor.facts().tasks) {
    Index(executor, task.info.task_id());
    for (size_t i = 0; i < task.updates.size(); ++i) {
      updates.emplace_back(task.updates[i], i < task.acknowledged);
    }
  }
  std::sort(updates.begin(), updates.end(), [](const auto& a, const auto& b) {
    return a.first.sequence() < b.first.sequence();
  });
  for (const auto& [update, acknowledged] : updates) {
    if (acknowledged) {
      hub_.Add(update, true);
      hub_.Acknowledged(update);
    } else {
      OnUpdate(executor, update);
    }
  }
}

void Agent::OnState(Executor& executor) {
  DecideRecovery(executor);
  if (executor.state() == ExecutorState::kGone) {
    // From the loop: the executor is in the middle of telling us.
    loop_.Post([this, id = executor.container_id()] {
      const auto found = executors_.find(id);
      if (found != executors_.end()) Forget(*found->second);
    });
  }
}

void Agent::Index(Executor& executor, const std::string& task_id) {
  tasks_[TaskKey(executor.facts().intent.framework_id(), task_id)] = &executor;
}

void Agent::Forget(Executor& executor) {
  hub_.Forget(executor.facts().intent.framework_id(), executor.container_id());
  absl::erase_if(tasks_,
                 [&](const auto& entry) { return entry.second == &executor; });
  executors_.erase(executor.container_id());
}

// --- Finding ---------------------------------------------------------------

const v1::FrameworkInfo* Agent::FindFramework(const std::string& id) const {
  const auto found = frameworks_.find(id);
  return found == frameworks_.end() ? nullptr : &found->second;
}

absl::StatusOr<Agent::Found> Agent::FindTask(const std::string& framework_id,
                                             const std::string& task_id) const {
  Executor* executor = nullptr;
  if (!framework_id.empty()) {
    const auto found = tasks_.find(TaskKey(framework_id, task_id));
    if (found != tasks_.end()) executor = found->second;
  } else {
    for (const auto& [key, candidate] : tasks_) {
      if (key.second != task_id) continue;
      if (executor != nullptr) {
        return WithReason(
            absl::InvalidArgumentError(absl::StrCat(
                "task ", task_id,
                ": several frameworks have one; name the framework")),
            "AMBIGUOUS");
      }
      executor = candidate;
    }
  }
  const TaskFacts* task =
      executor == nullptr ? nullptr : executor->facts().FindTask(task_id);
  if (task != nullptr && executor->state() != ExecutorState::kGone) {
    return Found{executor, task};
  }
  if (!KnowsAllTasks()) return Recovering(absl::StrCat("task ", task_id));
  return TaskUnknown(framework_id, task_id);
}

// Whether a task that is not found was never started here.
bool Agent::KnowsAllTasks() const {
  return containers_known_ && std::none_of(executors_.begin(), executors_.end(),
                                           [](const auto& entry) {
                                             return entry.second->is_unknown();
                                           });
}

std::shared_ptr<Executor> Agent::FindLivingExecutor(
    const std::string& framework_id, const std::string& executor_id) const {
  for (const auto& [id, executor] : executors_) {
    const v1::Intent& intent = executor->facts().intent;
    if (intent.framework_id() == framework_id &&
        intent.executor_id() == executor_id &&
        executor->state() != ExecutorState::kEnded &&
        executor->state() != ExecutorState::kGone) {
      return executor;
    }
  }
  return nullptr;
}

// --- Frameworks ------------------------------------------------------------

void Agent::RegisterFramework(const v1::RegisterFrameworkRequest& request,
                              Reply<v1::RegisterFrameworkResponse> reply) {
  const v1::FrameworkInfo& asked = request.framework();
  if (absl::Status valid = ValidateFramework(asked); !valid.ok()) {
    return reply(valid);
  }
  const std::string id = asked.framework_id();
  const v1::FrameworkInfo* known = FindFramework(id);
  if (known != nullptr && known->checkpoint() != asked.checkpoint()) {
    return reply(
        WithReason(absl::FailedPreconditionError(absl::StrCat(
                       "framework ", id, ": registered with checkpoint=",
                       known->checkpoint() ? "true" : "false",
                       ", which never changes; use another framework_id")),
                   "CHECKPOINT_CHANGED"));
  }
  if (!registering_.insert(id).second) {
    // Somebody else's registration is being written: then comes this one.
    loop_.After(kRegistrationPause,
                [this, request, reply] { RegisterFramework(request, reply); });
    return;
  }
  v1::RegisterFrameworkResponse response;
  response.set_agent_id(options_.info.agent_id());
  response.set_agent_incarnation(options_.incarnation);
  const bool changed = known == nullptr ||
                       known->SerializeAsString() != asked.SerializeAsString();
  const auto accept = [this, id, asked, response, reply] {
    registering_.erase(id);
    frameworks_[id] = asked;
    if (asked.implicit_acknowledgement()) {
      for (const auto& [key, executor] : executors_) {
        if (executor->facts().intent.framework_id() == id) OnFacts(*executor);
      }
    }
    reply(response);
  };
  if (!asked.checkpoint() || !changed) return accept();
  v1::FrameworkRecord record;
  *record.mutable_framework() = asked;
  *record.mutable_time() = ToProto(loop_.clock().Now());
  // One after the other: two of the same framework would write one file.
  framework_writer_.Run([this, id, record, reply, accept] {
    const absl::Status saved = store_.SaveFramework(record);
    loop_.Post([this, id, saved, reply, accept] {
      if (saved.ok()) return accept();
      registering_.erase(id);
      reply(saved);
    });
  });
}

// --- Launch ----------------------------------------------------------------

void Agent::LaunchTask(const v1::LaunchTaskRequest& request,
                       Reply<v1::LaunchTaskResponse> reply) {
  const v1::TaskInfo& task = request.task();
  if (absl::Status valid = ValidateTask(task); !valid.ok()) {
    return reply(valid);
  }
  const v1::FrameworkInfo* framework = FindFramework(request.framework_id());
  if (framework == nullptr) {
    return reply(FrameworkUnknown(request.framework_id()));
  }
  const TaskKey key(request.framework_id(), task.task_id());
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
  if (stopping_) {
    return reply(WithReason(absl::UnavailableError(absl::StrCat(
                                "launch task ", task.task_id(),
                                ": the agent is stopping; try again")),
                            "STOPPING"));
  }
  if (absl::Status possible = cgroups_.CheckEnforceable(LimitsOf(task));
      !possible.ok()) {
    return reply(WithReason(possible, "LIMIT_NOT_ENFORCEABLE"));
  }
  launching_[key].push_back(std::move(reply));
  StartExecutor(*framework, task);
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
  launch.agent_id = options_.info.agent_id();
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
  for (const auto& reply : waiting.mapped()) reply(answer);
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

// --- Kill, acknowledge, remove -----------------------------------------------

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
    if (FromProto(request.grace_period()) < absl::ZeroDuration()) {
      return reply(
          absl::InvalidArgumentError("grace_period must not be negative"));
    }
    *kill.mutable_grace_period() = request.grace_period();
  }
  found->executor->Kill(kill, [reply](const absl::Status& status) {
    if (!status.ok()) return reply(status);
    reply(v1::KillTaskResponse());
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
  found->executor->Acknowledge(
      request.uuid(), [reply](const absl::Status& status) {
        if (absl::IsFailedPrecondition(status)) {
          return reply(WithReason(status, "OUT_OF_ORDER"));
        }
        if (!status.ok()) return reply(status);
        reply(v1::AcknowledgeUpdateResponse());
      });
}

void Agent::AcknowledgeAll(Executor& executor, std::function<void()> then) {
  const std::vector<const v1::StatusUpdate*> updates =
      executor.facts().Unacknowledged();
  if (updates.empty()) return then();
  executor.Acknowledge(updates.front()->uuid(),
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
      FindFramework(executor->facts().intent.framework_id());
  // What the plugin acknowledges itself may be under way.
  if (framework != nullptr && framework->implicit_acknowledgement()) {
    return AcknowledgeAll(*executor, remove);
  }
  remove();
}

// --- Questions ---------------------------------------------------------------

void Agent::Reconcile(const v1::ReconcileRequest& request,
                      Reply<v1::ReconcileResponse> reply) {
  constexpr int kMostTasks = 10'000;
  if (request.task_ids_size() > kMostTasks) {
    return reply(absl::InvalidArgumentError(
        absl::StrCat("task_ids has ", request.task_ids_size(),
                     " entries; at most ", kMostTasks, " are allowed")));
  }
  const v1::FrameworkInfo* framework = FindFramework(request.framework_id());
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
  *response.mutable_agent() = options_.info;
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
  reply(std::move(response));
}

void Agent::GetRecovery(const v1::GetRecoveryRequest&,
                        Reply<v1::GetRecoveryResponse> reply) {
  reply(report_.ToProto());
}

absl::StatusOr<uint64_t> Agent::Watch(const v1::WatchUpdatesRequest& request,
                                      std::shared_ptr<UpdateSink> sink) {
  if (!request.framework_id().empty() &&
      FindFramework(request.framework_id()) == nullptr) {
    return FrameworkUnknown(request.framework_id());
  }
  return hub_.Watch(request, std::move(sink));
}

void Agent::Unwatch(uint64_t watch) { hub_.Unwatch(watch); }

absl::StatusOr<Agent::LogSource> Agent::FindLogs(
    const std::string& framework_id, const std::string& task_id) const {
  absl::StatusOr<Found> found = FindTask(framework_id, task_id);
  if (!found.ok()) return found.status();
  return LogSource{store_.layout().Executor(found->executor->container_id(),
                                            found->executor->checkpoint()),
                   found->executor->facts().exited.has_value()};
}

}  // namespace holdfast
