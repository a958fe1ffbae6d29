// Agent: what /metrics tells of it.

#include <algorithm>

#include "api/time_convert.h"
#include "plugin/service/agent.h"
#include "shim/bundle/lease.h"

namespace holdfast {
namespace {

std::string StateName(ExecutorState state) {
  switch (state) {
    case ExecutorState::kLaunching:
      return "launching";
    case ExecutorState::kUnattached:
      return "unattached";
    case ExecutorState::kAttached:
      return "attached";
    case ExecutorState::kEnded:
      return "ended";
    case ExecutorState::kGone:
      return "gone";
  }
  return "";
}

// How long it would live if the agent were lost now; nothing: for ever, or it
// has no fence and simply ends with the agent.
std::optional<absl::Duration> TimeToFence(const ExecutorFacts& facts,
                                          absl::Duration now) {
  if (!facts.started || facts.exited || !facts.intent.checkpoint()) {
    return std::nullopt;
  }
  const absl::Duration fires_at = LeaseOf(facts).FiresAt(now);
  if (fires_at == absl::InfiniteDuration()) return std::nullopt;
  return fires_at - now;
}

void Shorten(std::optional<absl::Duration>* shortest,
             std::optional<absl::Duration> one) {
  if (one && (!*shortest || *one < **shortest)) *shortest = one;
}

// "holdfast_recovery_outcomes" of the report.
void MeasureRecovery(const v1::GetRecoveryResponse& report, Measure* measure) {
  measure->recovery_took = FromProto(report.took());
  for (const auto& executor : report.executors()) {
    ++measure->outcomes[{
        v1::GetRecoveryResponse::Decision_Name(executor.decision()),
        executor.reason()}];
  }
}

void MeasureExecutor(const Executor& executor, absl::Time now,
                     absl::Duration since_boot, Measure* measure) {
  ++measure->executors[StateName(executor.state())];
  const ExecutorFacts& facts = executor.facts();
  for (const v1::StatusUpdate* update : facts.Unacknowledged()) {
    ++measure->unacknowledged_updates;
    measure->oldest_unacknowledged_age =
        std::max(measure->oldest_unacknowledged_age,
                 now - FromProto(update->status().timestamp()));
  }
  if (executor.state() == ExecutorState::kAttached) {
    Shorten(&measure->shortest_fence, TimeToFence(facts, since_boot));
  }
}

}  // namespace

Measure Agent::TakeMeasure() {
  Measure measure;
  measure.version = options_.version;
  measure.recovering = recovering();
  std::tie(measure.executors_recovered, measure.executors_to_recover) =
      recovery_progress();
  MeasureRecovery(report_.ToProto(), &measure);
  for (const ExecutorState state :
       {ExecutorState::kLaunching, ExecutorState::kUnattached,
        ExecutorState::kAttached, ExecutorState::kEnded}) {
    measure.executors[StateName(state)] = 0;
  }
  for (const auto& [id, executor] : executors_) {
    MeasureExecutor(*executor, loop_.clock().Now(), loop_.clock().SinceBoot(),
                    &measure);
  }
  measure.frameworks = frameworks_.size();
  measure.quarantined = static_cast<uint32_t>(quarantined_);
  measure.orphans = report_.living_orphans();
  measure.tally = tally_;
  return measure;
}

}  // namespace holdfast
