// drain and undrain: before and after maintenance.
#include <optional>

#include "absl/time/clock.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "plugin/ctl/absence.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/failure.h"

namespace holdfast::ctl {
namespace {

// Between two looks at an agent that is draining.
constexpr absl::Duration kLook = absl::Milliseconds(200);

// Until nothing runs and everything is acknowledged, over restarts of the
// agent. Aborted: somebody has undrained it.
absl::Status AwaitDrained(Client& client, Absence& absence,
                          absl::Time deadline) {
  while (true) {
    v1::GetAgentResponse agent;
    HOLDFAST_RETURN_IF_ERROR(absence.Outlast([&]() -> absl::Status {
      HOLDFAST_ASSIGN_OR_RETURN(
          agent, client.Call(&Client::Stub::GetAgent, v1::GetAgentRequest()));
      return absl::OkStatus();
    }));
    if (agent.drain_state() == v1::GetAgentResponse::DRAINED) {
      return absl::OkStatus();
    }
    if (agent.drain_state() != v1::GetAgentResponse::DRAINING) {
      return absl::AbortedError("the drain was taken back");
    }
    if (absl::Now() > deadline) {
      return absl::DeadlineExceededError(
          "tasks run, or updates are not acknowledged (see ps -a)");
    }
    HOLDFAST_RETURN_IF_ERROR(Absence::Sleep(kLook));
  }
}

}  // namespace

absl::StatusOr<int> Drain(Invocation& invocation) {
  std::optional<absl::Duration> max_grace_period;
  v1::DrainRequest request;
  bool mark_gone = false;
  bool wait = false;
  OptionParser parser(invocation.globals);
  parser.AddDuration(0, "max_grace_period", &max_grace_period);
  parser.AddFlag(0, "mark_gone", &mark_gone);
  parser.AddFlag(0, "wait", &wait);
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(ExpectNone(operands));
  if (max_grace_period) {
    *request.mutable_max_grace_period() = ToProto(*max_grace_period);
  }
  request.set_mark_gone(mark_gone);

  HOLDFAST_ASSIGN_OR_RETURN(Client client, ConnectToAgent(invocation.globals));
  const std::optional<absl::Duration>& timeout = invocation.globals.timeout;
  Absence absence(timeout);
  absl::Status status = absence.Outlast(
      [&] { return client.Call(&Client::Stub::Drain, request).status(); });
  if (status.ok() && wait) {
    status =
        AwaitDrained(client, absence,
                     absl::Now() + timeout.value_or(absl::InfiniteDuration()));
  }
  if (!status.ok()) return About(status, "drain");
  return 0;
}

absl::StatusOr<int> Undrain(Invocation& invocation) {
  OptionParser parser(invocation.globals);
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(ExpectNone(operands));
  HOLDFAST_ASSIGN_OR_RETURN(Client client, ConnectToAgent(invocation.globals));
  Absence absence(invocation.globals.timeout);
  const absl::Status status = absence.Outlast([&] {
    return client.Call(&Client::Stub::Undrain, v1::UndrainRequest()).status();
  });
  if (!status.ok()) return About(status, "undrain");
  return 0;
}

}  // namespace holdfast::ctl
