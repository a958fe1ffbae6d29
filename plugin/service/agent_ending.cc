// Agent: executors that have to end, for whichever reason (ending.h). What is
// wanted is on disk or a flag; what is done follows from it, executor by
// executor, whenever one is attached: so nothing depends on who was there when
// the end was asked for, nor on which life of the agent this is.

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/reasons.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "plugin/service/agent.h"
#include "plugin/service/agent_errors.h"
#include "plugin/service/ending.h"

namespace holdfast {
namespace {

// A shim whose disk refuses the intent is told again.
constexpr absl::Duration kRetry = absl::Seconds(1);

}  // namespace

std::optional<v1::ShimKillRequest> Agent::DueKillOf(
    const Executor& executor) const {
  const v1::AgentRecord& own = own_record_.get();
  EndingCauses causes;
  if (timed_out_.contains(executor.container_id())) {
    causes.reregistration_timeout = options_.executor_reregistration_timeout;
  }
  causes.cleanup = cleaning_up();
  if (own.retired()) causes.retirement = &own.retirement();
  causes.teardown =
      frameworks_.FindTeardown(executor.facts().intent.framework_id());
  if (own.has_drain()) causes.drain = &own.drain();
  return DueKill(causes);
}

void Agent::EndIfDue(Executor& executor) {
  if (executor.state() != ExecutorState::kAttached) return;  // once it is
  const std::optional<v1::ShimKillRequest> due = DueKillOf(executor);
  if (!due || IsUnderWay(*due, executor.facts())) return;
  executor.Kill(*due, [this, weak = executor.weak_from_this()](
                          const absl::Status& status) {
    HOLDFAST_FAILPOINT(DueEndTold);
    const std::shared_ptr<Executor> self = weak.lock();
    if (status.ok() || self == nullptr) return;
    Log(Severity::kWarning, status.ToString(),
        {{"container", self->container_id()}});
    loop_.After(kRetry, [this, weak] {
      if (const auto again = weak.lock()) EndIfDue(*again);
    });
  });
}

void Agent::EndAllDue() {
  std::vector<std::shared_ptr<Executor>> all;
  for (const auto& [id, executor] : executors_) all.push_back(executor);
  for (const std::shared_ptr<Executor>& executor : all) EndIfDue(*executor);
}

absl::Status Agent::CheckLaunchable(const std::string& framework_id) const {
  if (stopping_) {
    return WithReason(
        absl::UnavailableError("the agent is stopping; try again"), "STOPPING");
  }
  if (cleaning_up()) {
    return WithReason(
        absl::UnavailableError("the agent was started to end all executors "
                               "(--recover=cleanup)"),
        "AGENT_CLEANING_UP");
  }
  if (shut_down()) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "agent ", info().agent_id(),
            " was shut down by its orchestrator; its next start is another")),
        "AGENT_SHUT_DOWN");
  }
  if (own_record_.get().has_drain()) {
    return WithReason(absl::FailedPreconditionError("the agent is drained"),
                      "AGENT_DRAINING");
  }
  if (frameworks_.FindTeardown(framework_id) != nullptr) {
    return FrameworkTornDown(absl::FailedPreconditionError(
        absl::StrCat("framework ", framework_id, " is being torn down")));
  }
  return absl::OkStatus();
}

}  // namespace holdfast
