#include "plugin/service/ending.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "api/time_convert.h"

namespace holdfast {
namespace {

v1::ShimKillRequest MakeKill(v1::TaskStatusReason reason, std::string message) {
  v1::ShimKillRequest kill;
  kill.set_reason(reason);
  kill.set_message(std::move(message));
  return kill;
}

v1::ShimKillRequest MakeKill(v1::TaskStatusReason reason,
                             const v1::Ending& ending,
                             const std::string& otherwise) {
  v1::ShimKillRequest kill =
      MakeKill(reason, ending.message().empty() ? otherwise : ending.message());
  if (ending.has_grace_period()) {
    *kill.mutable_grace_period() = ending.grace_period();
  }
  return kill;
}

v1::ShimKillRequest MakeKill(const v1::DrainInfo& drain) {
  v1::ShimKillRequest kill =
      MakeKill(v1::REASON_AGENT_DRAINED,
               drain.mark_gone() ? "The agent was drained, for good"
                                 : "The agent was drained for maintenance");
  if (drain.mark_gone()) kill.set_state(v1::TASK_GONE_BY_OPERATOR);
  return kill;
}

std::optional<v1::ShimKillRequest> Strongest(const EndingCauses& causes) {
  if (causes.reregistration_timeout) {
    v1::ShimKillRequest kill = MakeKill(
        v1::REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
        absl::StrCat("It did not answer the agent within "
                     "executor_reregistration_timeout (",
                     absl::FormatDuration(*causes.reregistration_timeout),
                     ")"));
    *kill.mutable_grace_period() = ToProto(absl::ZeroDuration());
    return kill;
  }
  if (causes.cleanup) {
    return MakeKill(v1::REASON_AGENT_CLEANUP,
                    "The agent ended all executors (--recover=cleanup)");
  }
  if (causes.retirement != nullptr) {
    return MakeKill(v1::REASON_AGENT_REMOVED, *causes.retirement,
                    "The agent was shut down by its orchestrator");
  }
  if (causes.teardown != nullptr) {
    return MakeKill(v1::REASON_FRAMEWORK_REMOVED, *causes.teardown,
                    "Its framework was torn down");
  }
  if (causes.drain != nullptr) return MakeKill(*causes.drain);
  return std::nullopt;
}

}  // namespace

std::optional<v1::ShimKillRequest> DueKill(const EndingCauses& causes) {
  std::optional<v1::ShimKillRequest> kill = Strongest(causes);
  // A drain does not wait longer for what another cause ends.
  if (causes.drain != nullptr && causes.drain->has_max_grace_period()) {
    *kill->mutable_max_grace_period() = causes.drain->max_grace_period();
  }
  return kill;
}

bool IsUnderWay(const v1::ShimKillRequest& due, const ExecutorFacts& facts) {
  if (facts.exited) return true;
  if (!facts.kill) return false;
  const v1::KillRequested& kill = *facts.kill;
  // The journal holds the grace period that came of it.
  const absl::Duration grace = FromProto(kill.grace_period());
  return kill.reason() == due.reason() && kill.state() == due.state() &&
         (!due.has_grace_period() || grace <= FromProto(due.grace_period())) &&
         (!due.has_max_grace_period() ||
          grace <= FromProto(due.max_grace_period()));
}

}  // namespace holdfast
