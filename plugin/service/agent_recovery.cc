// Agent: what it does from its start until every executor is decided on.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "plugin/service/agent.h"

namespace holdfast {
namespace {

// An executor that has not answered by then is reported as UNATTACHED, and
// looked for on: nobody is kept waiting for it, and nothing is done to it.
constexpr absl::Duration kPatience = absl::Seconds(2);

constexpr absl::Duration kSweepRetry = absl::Milliseconds(50);

// Between two lines of the log that tell how far it is.
constexpr absl::Duration kTellEvery = absl::Seconds(1);

}  // namespace

void Agent::Recover(AgentStore::Frameworks frameworks,
                    std::function<void(std::vector<absl::Status>)> refused,
                    std::function<void()> complete) {
  report_.Begin();
  TellPing();
  loop_.After(kTellEvery, [this] { TellProgress(); });
  frameworks_.Load(std::move(frameworks.records));
  for (const std::string& id : frameworks_.Ids()) {
    StartFailoverClock(*frameworks_.Find(id));
  }
  for (const AgentStore::DamagedFile& damaged : frameworks.damaged) {
    if (options_.strict) {
      damage_.push_back(damaged.what);
    } else {
      SetAside(damaged);
    }
  }
  refused_ = std::move(refused);
  recovered_ = std::move(complete);
  ScanCheckpoint(
      loop_, workers_, files_, store_.layout(),
      [this](absl::StatusOr<std::vector<ScannedContainer>> containers) {
        if (!containers.ok()) return refused_({containers.status()});
        OnScanned(*std::move(containers));
      });
}

// strict=false: a framework's record that cannot be read goes aside before
// anyone can register it anew. Its executors know whose they are. An error of
// the disk is no damage: the file may be good the next time.
void Agent::SetAside(const AgentStore::DamagedFile& damaged) {
  v1::GetRecoveryResponse::Damage damage;
  damage.set_file(damaged.path);
  damage.set_what(std::string(damaged.what.message()));
  if (absl::IsDataLoss(damaged.what) ||
      absl::IsFailedPrecondition(damaged.what)) {
    const absl::StatusOr<std::string> moved =
        store_.QuarantineFramework(damaged.path);
    damage.set_cure(
        moved.ok() ? absl::StrCat("it was moved to ", *moved,
                                  "; the framework registers again by itself")
                   : std::string(moved.status().message()));
  }
  Log(Severity::kError, damage.what(), {{"cure", damage.cure()}});
  report_.AddDamage(std::move(damage));
}

// The record of a framework that has executors is lost: what it must have
// been, until it registers again.
void Agent::RebuildFramework(const v1::Intent& intent) {
  v1::FrameworkInfo framework;
  framework.set_framework_id(intent.framework_id());
  framework.set_name(intent.framework_id());
  framework.set_checkpoint(true);
  if (intent.task_killing_state()) {
    framework.add_capabilities(v1::FrameworkInfo::TASK_KILLING_STATE);
  }
  const bool restored =
      frameworks_.Restore(framework, [](const absl::Status& saved) {
        // It is made anew at the next start, too.
        if (!saved.ok()) Log(Severity::kError, saved.message());
      });
  if (!restored) return;
  StartFailoverClock(framework);
  Log(Severity::kWarning,
      "a framework that has executors has no record; it was made anew",
      {{"framework", intent.framework_id()}});
}

void Agent::OnScanned(std::vector<ScannedContainer> containers) {
  for (const ScannedContainer& container : containers) {
    if (!container.facts.ok() && container.checkpoint &&
        !container.never_begun) {
      damage_.push_back(container.facts.status());
    }
  }
  if (options_.strict && !damage_.empty()) return refused_(damage_);
  for (const absl::Status& damage : damage_) {
    Log(Severity::kError, damage.ToString());
  }
  if (const absl::Status named = GiveNames(files_, store_.layout(), containers);
      !named.ok()) {
    return refused_({named});
  }
  RemoveLeftovers();
  const absl::StatusOr<std::vector<std::string>> quarantined =
      files_.List(store_.layout().Quarantine());
  // Frameworks' records hold no tasks.
  anything_quarantined_ =
      quarantined.ok() &&
      std::any_of(quarantined->begin(), quarantined->end(),
                  [](const std::string& name) {
                    return name != Layout::kQuarantinedFrameworks;
                  });
  for (ScannedContainer& container : containers) RecoverContainer(container);
  report_.AllAdded();
  containers_known_ = true;
  TellPing();
  loop_.After(kPatience, [this] { DecideUnattached(); });
  WatchUnanswering();
  ContinueTeardowns();
  if (cleaning_up()) CheckCleanedUp();
  CheckRecovered();
}

// What a former life was removing when it ended.
void Agent::RemoveLeftovers() {
  workers_.Run([this] {
    for (const bool checkpoint : {true, false}) {
      const absl::Status removed = launcher_.RemoveLeftovers(checkpoint);
      if (!removed.ok()) Log(Severity::kWarning, removed.message());
    }
  });
}

// strict=false: what cannot be read goes aside, whole; whatever it runs is
// left alone.
bool Agent::OnDamage(Executor& executor) {
  if (options_.strict) return false;
  const std::string id = executor.container_id();
  const std::string condition = executor.condition();
  workers_.Run([this, id, condition] {
    const Layout& layout = store_.layout();
    absl::Status moved = files_.MakeDirectory(layout.Quarantine(), 0700);
    if (moved.ok()) {
      moved = files_.Rename(layout.Executor(id, true),
                            absl::StrCat(layout.Quarantine(), "/", id));
    }
    if (moved.ok()) moved = files_.SyncDirectory(layout.Quarantine());
    if (moved.ok()) moved = files_.SyncDirectory(layout.Executors(true));
    loop_.Post([this, id, condition, moved] {
      if (!moved.ok()) {
        return Log(Severity::kError, moved.message(), {{"container", id}});
      }
      anything_quarantined_ = true;
      report_.Decide(id, v1::GetRecoveryResponse::QUARANTINED,
                     "JOURNAL_DAMAGED", {condition});
      if (const auto found = executors_.find(id); found != executors_.end()) {
        Forget(*found->second);
      }
      CheckRecovered();
    });
  });
  return true;
}

void Agent::RecoverContainer(ScannedContainer& container) {
  const std::string& id = container.container_id;
  const v1::Intent intent =
      container.facts.ok() ? container.facts->intent : v1::Intent();
  report_.Add(id, intent.framework_id(), intent.executor_id());
  if (!container.checkpoint) {
    return SweepContainer(id, false, v1::GetRecoveryResponse::CLEANED_UP,
                          "CHECKPOINT_FALSE");
  }
  if (container.never_begun) {
    return SweepContainer(id, true, v1::GetRecoveryResponse::ROLLED_BACK,
                          "NO_INTENT");
  }
  auto executor = std::make_shared<Executor>(environment_, id, true);
  executors_[id] = executor;
  executor->Recover(std::move(container.facts));
  OnFacts(*executor);
}

// Without a checkpoint its end has begun with the former plugin's; its shim
// lets go of the journal when it is over.
void Agent::SweepContainer(const std::string& container_id, bool checkpoint,
                           v1::GetRecoveryResponse::Decision decision,
                           const std::string& reason) {
  workers_.Run([this, container_id, checkpoint, decision, reason] {
    absl::Status swept;
    {
      absl::StatusOr<ExecutorJournal> journal = ExecutorJournal::TakeOver(
          files_, store_.layout().Journal(container_id, checkpoint));
      swept = absl::IsUnavailable(journal.status())
                  ? journal.status()
                  : launcher_.RollBack(container_id, checkpoint);
    }
    loop_.Post([this, container_id, checkpoint, decision, reason, swept] {
      if (absl::IsUnavailable(swept)) {
        loop_.After(kSweepRetry, [=, this] {
          SweepContainer(container_id, checkpoint, decision, reason);
        });
        return;
      }
      if (!swept.ok()) {
        Log(Severity::kError, swept.ToString(), {{"container", container_id}});
      }
      report_.Decide(container_id, decision, reason, {swept.ToString()});
      CheckRecovered();
    });
  });
}

void Agent::DecideRecovery(Executor& executor) {
  using Report = v1::GetRecoveryResponse;
  const std::string& id = executor.container_id();
  const ExecutorFacts& facts = executor.facts();
  switch (executor.state()) {
    case ExecutorState::kLaunching:
    case ExecutorState::kUnattached:
      return;
    case ExecutorState::kAttached:
      if (cleaning_up()) {
        report_.Decide(id, Report::ENDED_BY_CLEANUP, "RECOVER_CLEANUP",
                       {absl::StrCat("shim pid ", executor.shim_pid(),
                                     executor.adopted()
                                         ? " has taken over from one that died"
                                         : " answered on its socket"),
                        "it was told to end"});
      } else if (executor.adopted()) {
        report_.Decide(id, Report::ADOPTED, "SHIM_DIED",
                       {"its journal's lock was free, its executor was alive",
                        absl::StrCat("new shim: pid ", executor.shim_pid())});
      } else if (!executor.damage().ok()) {
        report_.Decide(id, Report::REATTACHED, "JOURNAL_DAMAGED_SHIM_ALIVE",
                       {std::string(executor.damage().message()),
                        absl::StrCat("shim pid ", executor.shim_pid(),
                                     " answered on its socket and told what "
                                     "is true")});
      } else {
        report_.Decide(id, Report::REATTACHED, "SHIM_ALIVE",
                       {absl::StrCat("shim pid ", executor.shim_pid(),
                                     " answered on its socket")});
      }
      break;
    case ExecutorState::kEnded: {
      const bool rebooted = std::any_of(
          facts.tasks.begin(), facts.tasks.end(), [](const TaskFacts& task) {
            return !task.updates.empty() &&
                   task.updates.back().status().reason() ==
                       v1::REASON_AGENT_REBOOTED;
          });
      report_.Decide(
          id, rebooted ? Report::AGENT_REBOOTED : Report::ENDED_WHILE_AWAY,
          rebooted ? "BOOT_ID_DIFFERS" : "EXIT_RECORDED",
          {absl::StrCat("its journal was free and held ",
                        facts.Unacknowledged().size(),
                        " unacknowledged updates")});
      break;
    }
    case ExecutorState::kGone:
      report_.Decide(id, Report::ROLLED_BACK, "NEVER_STARTED",
                     {"its journal holds an intent and no start"});
      break;
  }
  CheckRecovered();
}

void Agent::DecideUnattached() {
  for (const std::string& id : report_.Pending()) {
    const auto found = executors_.find(id);
    // One without a checkpoint is not looked for, but waited for.
    const std::string condition = found != executors_.end()
                                      ? found->second->condition()
                                      : "its shim is still ending it";
    Log(Severity::kWarning, "an executor has not answered",
        {{"container", id}, {"condition", condition}});
    report_.Decide(id, v1::GetRecoveryResponse::UNATTACHED, "NO_ANSWER",
                   {condition});
  }
  CheckRecovered();
}

void Agent::TellProgress() {
  if (report_.complete()) return;
  const auto [settled, all] = report_.progress();
  Log(Severity::kInfo, absl::StrCat("RECOVERING ", settled, "/", all));
  loop_.After(kTellEvery, [this] { TellProgress(); });
}

void Agent::CheckRecovered() {
  if (!report_.complete() || !recovered_) return;
  hub_.RecoveryComplete();
  ping_answer_.SetRecovered();
  std::exchange(recovered_, nullptr)();
}

}  // namespace holdfast
