// Agent: drained for maintenance. The drain is a part of the agent's record;
// what follows from it for executors is ending.h's.

#include <algorithm>
#include <utility>

#include "api/time_convert.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "plugin/service/agent.h"
#include "plugin/service/agent_errors.h"

namespace holdfast {

void Agent::Drain(const v1::DrainRequest& request,
                  Reply<v1::DrainResponse> reply) {
  v1::DrainInfo drain;
  if (request.has_max_grace_period()) {
    const absl::Status valid =
        CheckNotNegative("max_grace_period", request.max_grace_period());
    if (!valid.ok()) return reply(valid);
    *drain.mutable_max_grace_period() = request.max_grace_period();
  }
  if (!containers_known_) {
    return OnceAccepted([this, request, reply] { Drain(request, reply); });
  }
  drain.set_mark_gone(request.mark_gone());
  *drain.mutable_time() = ToProto(loop_.clock().Now());
  own_record_.Change(
      [drain](v1::AgentRecord& own) { *own.mutable_drain() = drain; },
      [this, reply](const absl::Status& written) {
        if (!written.ok()) return reply(written);
        Log(Severity::kInfo, "the agent is drained");
        HOLDFAST_FAILPOINT(DrainRecorded);
        reply(v1::DrainResponse());
        EndAllDue();
        TellPing();
      });
}

void Agent::Undrain(const v1::UndrainRequest& request,
                    Reply<v1::UndrainResponse> reply) {
  if (!containers_known_) {
    return OnceAccepted([this, request, reply] { Undrain(request, reply); });
  }
  own_record_.Change([](v1::AgentRecord& own) { own.clear_drain(); },
                     [this, reply](const absl::Status& written) {
                       if (!written.ok()) return reply(written);
                       Log(Severity::kInfo, "the agent is drained no longer");
                       HOLDFAST_FAILPOINT(UndrainRecorded);
                       reply(v1::UndrainResponse());
                       ping_answer_.SetDrainState(drain_state());
                     });
}

// Whoever pings is not answered by the loop, and so has to be told before.
void Agent::TellPing() {
  if (shut_down()) ping_answer_.SetShutDown();
  if (own_record_.get().has_drain()) ping_answer_.SetDrainState(drain_state());
}

v1::GetAgentResponse::DrainState Agent::drain_state() const {
  if (!own_record_.get().has_drain()) {
    return v1::GetAgentResponse::DRAIN_STATE_UNSPECIFIED;
  }
  const bool drained =
      KnowsAllTasks() && launching_.empty() &&
      std::all_of(executors_.begin(), executors_.end(), [](const auto& entry) {
        const Executor& executor = *entry.second;
        return executor.state() == ExecutorState::kGone ||
               (executor.facts().exited && executor.facts().AllAcknowledged());
      });
  return drained ? v1::GetAgentResponse::DRAINED
                 : v1::GetAgentResponse::DRAINING;
}

}  // namespace holdfast
