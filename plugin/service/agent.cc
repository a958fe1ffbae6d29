#include "plugin/service/agent.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "api/owners.h"
#include "api/reasons.h"
#include "api/status_states.h"
#include "plugin/gc/collection_policy.h"
#include "plugin/service/agent_errors.h"

namespace holdfast {
namespace {

// Whether nobody but us acknowledges it. An owner of containers is told of
// their ends alone, and has them kept until it removes the container.
bool AcknowledgesItself(const v1::FrameworkInfo& framework,
                        const v1::StatusUpdate& update) {
  return framework.implicit_acknowledgement() ||
         (IsOwnersFramework(framework.framework_id()) &&
          !IsTerminal(update.status().state()));
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
      record_writer_(loop),
      own_record_(record_writer_, store, options_.record),
      frameworks_(loop.clock(), record_writer_, store),
      failover_clock_(loop,
                      [this](const std::string& id) { OnFailoverTimeout(id); }),
      launcher_(files, store.layout(), cgroups, options_.shim_path),
      environment_(MakeEnvironment()),
      hub_(
          options_.incarnation, [this] { return MakeHeader(); }, loop.clock()),
      report_(loop.clock()),
      garbage_(
          loop,
          {.gc_delay = options_.gc_delay,
           .disk_headroom = options_.gc_disk_headroom,
           .disk_watch_interval = options_.disk_watch_interval},
          [this] { return DiskUsed(store_.layout().work_dir); },
          [this](const std::string& id) { CollectGarbage(id); }),
      ping_answer_(info().agent_id(), options_.incarnation, options_.boot_id) {}

Agent::~Agent() = default;

Executor::Environment Agent::MakeEnvironment() {
  return {
      .loop = loop_,
      .workers = workers_,
      .files = files_,
      .layout = store_.layout(),
      .launcher = launcher_,
      .agent_id = info().agent_id(),
      .agent_incarnation = options_.incarnation,
      .boot_id = options_.boot_id,
      .on_record =
          [this](Executor& executor, const v1::JournalRecord& record) {
            OnRecord(executor, record);
          },
      .on_facts = [this](Executor& executor) { OnFacts(executor); },
      .on_condensed = [this](Executor& executor) { Unindex(executor); },
      .on_state = [this](Executor& executor) { OnState(executor); },
      .on_damage = [this](Executor& executor) { return OnDamage(executor); },
  };
}

v1::WatchUpdatesResponse::Header Agent::MakeHeader() const {
  v1::WatchUpdatesResponse::Header header;
  header.set_agent_id(info().agent_id());
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
    ++tally_.acknowledgements;
    const v1::StatusUpdate* update =
        executor.facts().FindUpdate(record.acknowledged().uuid());
    if (update != nullptr) hub_.Acknowledged(*update);
    TellPing();
    ConsiderCollecting(executor);
  }
  observer_(executor);
}

void Agent::OnUpdate(Executor& executor, const v1::StatusUpdate& update) {
  hub_.Add(update, /*acknowledged=*/false);
  const v1::FrameworkInfo* framework = frameworks_.Find(update.framework_id());
  if (framework == nullptr || !AcknowledgesItself(*framework, update)) return;
  executor.Acknowledge(update.uuid(), [](const absl::Status&) {
    // Not stored: then it stays unacknowledged, and is tried again when the
    // executor is next found.
  });
}

void Agent::OnFacts(Executor& executor) {
  const v1::Intent& intent = executor.facts().intent;
  if (intent.checkpoint() &&
      frameworks_.Find(intent.framework_id()) == nullptr) {
    RebuildFramework(intent);
  }
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
  observer_(executor);
}

void Agent::OnState(Executor& executor) {
  DecideRecovery(executor);
  EndIfDue(executor);
  ConsiderCollecting(executor);
  TellPing();
  observer_(executor);
  // From the loop: the executor is in the middle of telling us.
  if (executor.state() == ExecutorState::kGone) {
    loop_.Post([this, id = executor.container_id()] {
      const auto found = executors_.find(id);
      if (found != executors_.end()) Forget(*found->second);
    });
  } else if (executor.state() == ExecutorState::kEnded) {
    loop_.Post(
        [this, self = executor.shared_from_this()] { RemoveTornDown(self); });
  }
}

void Agent::Index(Executor& executor, const std::string& task_id) {
  tasks_[TaskKey(executor.facts().intent.framework_id(), task_id)] = &executor;
}

// What it no longer has a task for.
void Agent::Unindex(const Executor& executor) {
  absl::erase_if(tasks_, [&](const auto& entry) {
    return entry.second == &executor &&
           executor.facts().FindTask(entry.first.second) == nullptr;
  });
}

void Agent::Forget(Executor& executor) {
  const std::shared_ptr<Executor> self = executor.shared_from_this();
  const std::string framework_id = executor.facts().intent.framework_id();
  hub_.Forget(framework_id, executor.container_id());
  absl::erase_if(tasks_,
                 [&](const auto& entry) { return entry.second == &executor; });
  garbage_.Drop(executor.container_id());
  executors_.erase(executor.container_id());
  observer_(executor);
  ContinueTeardown(framework_id);
}

// --- Finding ---------------------------------------------------------------

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

absl::StatusOr<std::shared_ptr<Executor>> Agent::FindExecutor(
    const std::string& framework_id, const std::string& task_id) const {
  const absl::StatusOr<Found> found = FindTask(framework_id, task_id);
  if (!found.ok()) return found.status();
  return found->executor->shared_from_this();
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

}  // namespace holdfast
