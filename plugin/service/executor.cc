#include "plugin/service/executor.h"

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"

namespace holdfast {
namespace {

constexpr char kLooking[] = "looking for its shim";

}  // namespace

Executor::Executor(const Environment& environment, std::string container_id,
                   bool checkpoint)
    : environment_(environment),
      container_id_(std::move(container_id)),
      checkpoint_(checkpoint),
      retry_delay_(kFirstRetry) {}

Executor::~Executor() {
  EventLoop& loop = environment_.loop;
  loop.Cancel(retry_timer_);
  for (const Waiting& waiting : waiting_) loop.Cancel(waiting.timer);
}

void Executor::SetState(ExecutorState state, std::string condition) {
  const bool changed = state != state_;
  state_ = state;
  condition_ = std::move(condition);
  if (changed) environment_.on_state(*this);
}

void Executor::Launch(LaunchRequest request, Done done) {
  state_ = ExecutorState::kLaunching;
  launched_ = std::move(done);
  // What is known already, until its shim says it.
  v1::JournalRecord record;
  v1::Intent& intent = *record.mutable_intent();
  intent.set_container_id(container_id_);
  intent.set_framework_id(request.framework.framework_id());
  intent.set_executor_id(ExecutorIdOf(request.task));
  intent.set_checkpoint(checkpoint_);
  *intent.mutable_task() = request.task;
  (void)facts_.Apply(record);  // nothing came before it
  OnWorker([&launcher = environment_.launcher,
            request = std::move(request)] { return launcher.Launch(request); },
           [](Executor& self, absl::StatusOr<ContainerLauncher::Shim> shim) {
             if (shim.ok()) return self.Attach(*std::move(shim));
             self.SetState(ExecutorState::kGone,
                           std::string(shim.status().message()));
             std::exchange(self.launched_, nullptr)(shim.status());
             self.Settle();
           });
}

void Executor::Recover(absl::StatusOr<ExecutorFacts> facts) {
  if (facts.ok()) {
    facts_ = *std::move(facts);
    evidence_ = EvidenceFrom(facts_, environment_.boot_id);
  } else {
    evidence_.journal = facts.status();
  }
  condition_ = kLooking;
  Resolve();
}

void Executor::Attach(ContainerLauncher::Shim shim) {
  shim_pid_ = shim.pid;
  AttachTo(std::move(shim.connection));
}

void Executor::AttachTo(UniqueFd connection) {
  link_ = std::make_unique<ShimLink>(
      environment_.loop, std::move(connection), environment_.agent_id,
      environment_.agent_incarnation,
      ShimLink::Events{
          .on_snapshot = [this](const auto& told) { OnSnapshot(told); },
          .on_attached = [this] { OnAttached(); },
          .on_record = [this](const auto& record) { Apply(record); },
          .on_lost = [this](const absl::Status& why) { OnLinkLost(why); },
      });
  // What it answered before is the better word.
  if (condition_ == kLooking) condition_ = "its shim has not answered yet";
}

void Executor::OnSnapshot(const v1::AttachResponse::Snapshot& snapshot) {
  ExecutorFacts facts;
  for (const v1::JournalRecord& record : snapshot.records()) {
    if (absl::Status applied = facts.Apply(record); !applied.ok()) {
      Log(Severity::kError, applied.ToString(), {{"container", container_id_}});
    }
  }
  shim_pid_ = snapshot.shim_pid();
  cut_short_ = state_ == ExecutorState::kUnattached &&
               facts.last_sequence > facts_.last_sequence;
  AdoptFacts(std::move(facts));
}

void Executor::OnAttached() {
  if (!adopted_) evidence_.shim = ShimState::kAnswers;
  SetState(ExecutorState::kAttached, "");
  retry_delay_ = kFirstRetry;
  if (!evidence_.journal.ok() || cut_short_) RepairJournal();
  if (launched_) std::exchange(launched_, nullptr)(absl::OkStatus());
  Settle();
}

// Its shim is the one who knows what it wrote: that is never a reason to kill
// it. A journal that is whole, and was merely read too early, it leaves alone.
void Executor::RepairJournal() {
  link_->RepairJournal(
      [id = container_id_](const absl::StatusOr<std::string>& what) {
        if (!what.ok()) {
          Log(Severity::kError, what.status().message(), {{"container", id}});
        } else if (!what->empty()) {
          Log(Severity::kWarning, "its journal was damaged",
              {{"container", id}, {"now", *what}});
        }
      });
}

void Executor::AdoptFacts(ExecutorFacts facts) {
  facts_ = std::move(facts);
  environment_.on_facts(*this);
}

// As its shim does with its journal: what an executor costs here depends on
// what it does, not on how long it has done it.
void Executor::CondenseIfWorthIt() {
  if (++records_ < condense_at_) return;
  const std::vector<v1::JournalRecord> kept = facts_.Condensed();
  absl::StatusOr<ExecutorFacts> condensed = ExecutorFacts::From(kept);
  if (condensed.ok()) {
    facts_ = *std::move(condensed);
    environment_.on_condensed(*this);
  }
  // Again when as many have come: what it costs stays in proportion.
  condense_at_ = std::max(kWorthCondensing, kept.size());
  records_ = 0;
}

void Executor::Apply(const v1::JournalRecord& record) {
  // A task that is known since its launch was answered.
  if (record.has_task_intent() &&
      facts_.FindTask(record.task_intent().task().task_id()) != nullptr) {
    return;
  }
  if (absl::Status applied = facts_.Apply(record); !applied.ok()) {
    Log(Severity::kError, applied.ToString(), {{"container", container_id_}});
    return;
  }
  environment_.on_record(*this, record);
  CondenseIfWorthIt();
  HOLDFAST_FAILPOINT(RecordApplied);
}

void Executor::OnLinkLost(const absl::Status& why) {
  HOLDFAST_FAILPOINT(LinkLost);
  link_.reset();
  // A shim that was not attached either has just ended or refuses us.
  if (state_ == ExecutorState::kUnattached) {
    if (absl::IsFailedPrecondition(why)) evidence_.shim = ShimState::kRefuses;
    return OnNothingFound(why);
  }
  if (state_ != ExecutorState::kLaunching) {
    SetState(ExecutorState::kUnattached, std::string(why.message()));
  }
  Resolve();
}

}  // namespace holdfast
