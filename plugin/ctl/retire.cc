// teardown and retire: the ends of a framework and of an agent's id.
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "plugin/ctl/absence.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/failure.h"

namespace holdfast::ctl {
namespace {

// The call is repeated until an agent has answered it.
template <typename Request, typename Response>
absl::StatusOr<int> CallOnce(Invocation& invocation,
                             Client::Unary<Request, Response> method,
                             const Request& request, const std::string& what) {
  HOLDFAST_ASSIGN_OR_RETURN(Client client, ConnectToAgent(invocation.globals));
  Absence absence(invocation.globals.timeout);
  const absl::Status status =
      absence.Outlast([&] { return client.Call(method, request).status(); });
  if (!status.ok()) return About(status, what);
  return 0;
}

}  // namespace

absl::StatusOr<int> Teardown(Invocation& invocation) {
  std::optional<absl::Duration> grace;
  OptionParser parser(invocation.globals);
  parser.AddDuration(0, "grace", &grace);
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(ExpectOne(operands, "FRAMEWORK"));
  v1::TeardownFrameworkRequest request;
  request.set_framework_id(operands[0]);
  if (grace) *request.mutable_grace_period() = ToProto(*grace);
  return CallOnce(invocation, &Client::Stub::TeardownFramework, request,
                  absl::StrCat("teardown ", operands[0]));
}

absl::StatusOr<int> Retire(Invocation& invocation) {
  std::optional<absl::Duration> grace;
  std::string message;
  OptionParser parser(invocation.globals);
  parser.AddDuration(0, "grace", &grace);
  parser.AddText(0, "message", &message);
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(ExpectOne(operands, "AGENT_ID"));
  v1::ShutdownRequest request;
  request.set_agent_id(operands[0]);
  request.set_message(message);
  if (grace) *request.mutable_grace_period() = ToProto(*grace);
  return CallOnce(invocation, &Client::Stub::Shutdown, request,
                  absl::StrCat("retire ", operands[0]));
}

}  // namespace holdfast::ctl
