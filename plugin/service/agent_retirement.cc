// Agent: shut down by an orchestrator that has given it up. That is a part of
// the agent's record; what follows for executors is ending.h's. The plugin
// serves on, so that the last updates reach somebody; its next start that
// finds nothing alive takes another id (plugin/recovery/former_agent.h).

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/reasons.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "plugin/service/agent.h"
#include "plugin/service/agent_errors.h"

namespace holdfast {
namespace {

constexpr size_t kMaxMessage = 1024;

absl::Status Validate(const v1::ShutdownRequest& request,
                      const std::string& agent_id) {
  if (request.agent_id() != agent_id) {
    return absl::InvalidArgumentError(
        absl::StrCat("shut down agent \"", request.agent_id(),
                     "\": this is agent ", agent_id));
  }
  if (request.message().size() > kMaxMessage) {
    return absl::InvalidArgumentError(
        absl::StrCat("message has ", request.message().size(),
                     " bytes; at most ", kMaxMessage, " are allowed"));
  }
  return CheckNotNegative("grace_period", request.grace_period());
}

}  // namespace

void Agent::Shutdown(const v1::ShutdownRequest& request,
                     Reply<v1::ShutdownResponse> reply) {
  const absl::Status valid = Validate(request, info().agent_id());
  if (!valid.ok()) return reply(valid);
  if (!containers_known_) {
    return OnceAccepted([this, request, reply] { Shutdown(request, reply); });
  }
  v1::Ending how;
  how.set_message(request.message());
  if (request.has_grace_period()) {
    *how.mutable_grace_period() = request.grace_period();
  }
  own_record_.Change(
      [how](v1::AgentRecord& own) {
        own.set_retired(true);
        *own.mutable_retirement() = how;
      },
      [this, reply](const absl::Status& written) {
        if (!written.ok()) return reply(written);
        Log(Severity::kWarning, "the agent was shut down by its orchestrator",
            {{"agent", info().agent_id()}});
        HOLDFAST_FAILPOINT(RetirementRecorded);
        reply(v1::ShutdownResponse());
        EndAllDue();
        TellPing();
      });
}

}  // namespace holdfast
