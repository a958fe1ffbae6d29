// Agent: what it does from its start until every executor is decided on.

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
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
                    absl::StatusOr<v1::AgentRecord> agent,
                    RecoveryEvents events) {
  report_.Begin();
  TellPing();
  loop_.After(kTellEvery, [this] { TellProgress(); });
  frameworks_.Load(std::move(frameworks.records));
  for (const std::string& id : frameworks_.Ids()) {
    StartFailoverClock(*frameworks_.Find(id));
  }
  for (const AgentStore::DamagedFile& damaged : frameworks.damaged) {
    if (!options_.strict) SetAside(damaged);
  }
  agent_record_ = std::move(agent);
  events_ = std::move(events);
  // Which groups there are is looked at before anything can be launched: what
  // is among them and in no journal then is nobody's.
  workers_.Run([this] {
    absl::StatusOr<std::vector<std::string>> groups = cgroups_.Containers();
    if (!groups.ok()) Log(Severity::kWarning, groups.status().message());
    loop_.Post([this, groups] {
      groups_ = groups.value_or(std::vector<std::string>());
      OnScanned();
    });
  });
  ScanCheckpoint(
      loop_, workers_, files_, store_.layout(),
      [this](absl::StatusOr<std::vector<ScannedContainer>> containers) {
        if (!containers.ok()) {
          return events_.refused(
              {MakeDamage(store_.layout().work_dir, containers.status())});
        }
        scanned_ = *std::move(containers);
        OnScanned();
      });
}

void Agent::OnScanned() {
  if (!scanned_ || !groups_) return;
  HOLDFAST_FAILPOINT(CheckpointScanned);
  std::vector<Damage> damage =
      CheckpointDamage(store_, agent_record_, *scanned_);
  if (!options_.strict || damage.empty()) {
    for (Damage& one : GiveNames(files_, store_.layout(), *scanned_)) {
      damage.push_back(std::move(one));
    }
  }
  for (const Damage& one : damage) {
    LogDamage(one);
    report_.AddDamage(one);
  }
  if (options_.strict && !damage.empty()) return events_.refused(damage);
  events_.accepted();
  RemoveLeftovers();
  CountQuarantine();
  for (ScannedContainer& container : *scanned_) RecoverContainer(container);
  LookForOrphans(*std::exchange(groups_, std::nullopt));
  scanned_.reset();
  containers_known_ = true;
  TellPing();
  loop_.After(kPatience, [this] { DecideUnattached(); });
  WatchUnanswering();
  ContinueTeardowns();
  if (cleaning_up()) CheckCleanedUp();
  for (const auto& change : std::exchange(once_accepted_, {})) change();
  CheckRecovered();
}

void Agent::OnceAccepted(std::function<void()> change) {
  once_accepted_.push_back(std::move(change));
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

void Agent::RecoverContainer(ScannedContainer& container) {
  const std::string& id = container.container_id;
  report_.Add(id, "", "");
  if (container.facts.ok()) report_.Identify(id, *container.facts);
  if (!container.checkpoint || container.never_begun) {
    Evidence evidence;
    evidence.checkpoint = container.checkpoint;
    evidence.never_begun = container.never_begun;
    return SweepContainer(id, evidence);
  }
  if (container.has_no_name) {
    anything_quarantined_ = true;
    Evidence evidence;
    evidence.has_no_name = true;
    evidence.journal = container.facts.status();
    const Verdict verdict = Decide(evidence);
    return report_.Decide(id, verdict.decision, verdict.reason,
                          Describe(evidence));
  }
  auto executor = std::make_shared<Executor>(environment_, id, true);
  executors_[id] = executor;
  executor->Recover(std::move(container.facts));
  OnFacts(*executor);
}

// Without a checkpoint its end has begun with the former plugin's; its shim
// lets go of the journal when it is over.
void Agent::SweepContainer(const std::string& container_id,
                           const Evidence& evidence) {
  workers_.Run([this, container_id, evidence] {
    const bool checkpoint = evidence.checkpoint;
    absl::Status swept;
    {
      absl::StatusOr<ExecutorJournal> journal = ExecutorJournal::TakeOver(
          files_, store_.layout().Journal(container_id, checkpoint));
      swept = absl::IsUnavailable(journal.status())
                  ? journal.status()
                  : launcher_.RollBack(container_id, checkpoint);
    }
    loop_.Post([this, container_id, evidence, swept] {
      if (absl::IsUnavailable(swept)) {
        loop_.After(kSweepRetry,
                    [=, this] { SweepContainer(container_id, evidence); });
        return;
      }
      std::vector<std::string> facts = Describe(evidence);
      if (!swept.ok()) {
        Log(Severity::kError, swept.ToString(), {{"container", container_id}});
        facts.push_back(swept.ToString());
      }
      const Verdict verdict = Decide(evidence);
      report_.Decide(container_id, verdict.decision, verdict.reason,
                     std::move(facts));
      CheckRecovered();
    });
  });
}

Evidence Agent::EvidenceOf(const Executor& executor) const {
  Evidence evidence = executor.evidence();
  evidence.cleanup = cleaning_up();
  return evidence;
}

void Agent::DecideRecovery(Executor& executor) {
  switch (executor.state()) {
    case ExecutorState::kLaunching:
    case ExecutorState::kUnattached:
      return;
    case ExecutorState::kAttached:
    case ExecutorState::kEnded:
    case ExecutorState::kGone:
      break;
  }
  const std::string& id = executor.container_id();
  const Evidence evidence = EvidenceOf(executor);
  std::vector<std::string> facts = Describe(evidence);
  if (executor.shim_pid() != 0) {
    facts.push_back(absl::StrCat(executor.adopted() ? "new shim" : "shim",
                                 ": pid ", executor.shim_pid()));
  }
  const Verdict verdict = Decide(evidence);
  report_.Identify(id, executor.facts());
  report_.Decide(id, verdict.decision, verdict.reason, std::move(facts));
  CheckRecovered();
}

void Agent::DecideUnattached() {
  for (const std::string& id : report_.Pending()) {
    const auto found = executors_.find(id);
    // One without a checkpoint is not looked for, but waited for.
    std::string condition = "its shim is still ending it";
    std::string reason = "NO_ANSWER";
    std::vector<std::string> facts;
    if (found != executors_.end()) {
      condition = found->second->condition();
      // As it is; a cleanup that ends it says so when it has got there.
      const Verdict verdict = Decide(found->second->evidence());
      reason = verdict.reason;
      facts = Describe(found->second->evidence());
    }
    Log(Severity::kWarning, "an executor has not answered",
        {{"container", id}, {"condition", condition}});
    facts.push_back(condition);
    report_.Decide(id, v1::GetRecoveryResponse::UNATTACHED, reason,
                   std::move(facts));
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
  if (!report_.complete() || !events_.complete) return;
  HOLDFAST_FAILPOINT(RecoveryIsComplete);
  hub_.RecoveryComplete();
  ping_answer_.SetRecovered();
  std::exchange(events_.complete, nullptr)();
}

}  // namespace holdfast
