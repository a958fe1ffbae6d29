// info: what the agent says of itself.
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/values.h"
#include "base/errors.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/failure.h"
#include "plugin/ctl/format.h"
#include "plugin/ctl/json_output.h"
#include "plugin/ctl/output.h"
#include "plugin/ctl/table.h"

namespace holdfast::ctl {
namespace {

std::string RecoveryState(const v1::GetAgentResponse& agent) {
  const std::string counts = absl::StrCat(agent.executors_recovered(), "/",
                                          agent.executors_to_recover());
  return agent.recovering() ? absl::StrCat("RECOVERING ", counts)
                            : absl::StrCat("complete ", counts);
}

// Whether it takes launches, and if not, why.
std::string State(const v1::GetAgentResponse& agent) {
  if (agent.shut_down()) return "SHUT DOWN";
  switch (agent.drain_state()) {
    case v1::GetAgentResponse::DRAINING:
      return agent.drain().mark_gone() ? "DRAINING, for good" : "DRAINING";
    case v1::GetAgentResponse::DRAINED:
      return agent.drain().mark_gone() ? "DRAINED, for good" : "DRAINED";
    default:
      return "active";
  }
}

std::string AsTable(const v1::GetAgentResponse& response) {
  const v1::AgentInfo& agent = response.agent();
  const std::string facts = Pairs({
      {"agent", agent.agent_id()},
      {"hostname", agent.hostname()},
      {"version", response.version()},
      {"pid", absl::StrCat(response.pid())},
      {"started", FormatTime(response.start_time())},
      {"incarnation", response.agent_incarnation()},
      {"boot", response.boot_id()},
      {"recovery", RecoveryState(response)},
      {"state", State(response)},
      {"frameworks", absl::StrCat(response.frameworks())},
      {"executors", absl::StrCat(response.executors())},
      {"quarantined", absl::StrCat(response.quarantined())},
      {"orphans", absl::StrCat(response.orphans())},
      {"resources", holdfast::FormatResources(agent)},
      {"attributes", FormatAttributes(agent)},
      {"work dir", response.work_dir()},
      {"runtime dir", response.runtime_dir()},
      {"cgroups", absl::StrCat(response.cgroups_root(), " (",
                               response.cgroups_mode(), ")")},
  });
  if (response.flags().empty()) return facts;
  Table flags({{"FLAG"}, {"VALUE"}, {"SOURCE"}});
  for (const v1::Flag& flag : response.flags()) {
    flags.AddRow(
        {absl::StrCat("--", flag.name()), flag.value(), flag.source()});
  }
  return absl::StrCat(facts, "\n", flags.Text());
}

}  // namespace

absl::StatusOr<int> Info(Invocation& invocation) {
  OptionParser parser(invocation.globals);
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(ExpectNone(operands));
  HOLDFAST_ASSIGN_OR_RETURN(Client client, ConnectToAgent(invocation.globals));
  const auto response =
      client.Call(&Client::Stub::GetAgent, v1::GetAgentRequest());
  if (!response.ok()) return About(response.status(), invocation.argv[0]);
  HOLDFAST_RETURN_IF_ERROR(Print(
      invocation.globals.format == OutputFormat::kJson ? JsonText(*response)
                                                       : AsTable(*response)));
  return 0;
}

}  // namespace holdfast::ctl
