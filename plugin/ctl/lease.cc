// lease: how long executors live without their agent; through the agent, or
// where there is none by their shims themselves.
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "base/files.h"
#include "base/parse.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/failure.h"
#include "plugin/ctl/json_output.h"
#include "plugin/ctl/output.h"
#include "plugin/ctl/shims.h"
#include "plugin/ctl/table.h"

namespace holdfast::ctl {
namespace {

// A shim answers at once; one that is stopped is not waited for.
constexpr absl::Duration kShimTimeout = absl::Seconds(5);

struct LeaseOptions {
  std::string framework_id;
  std::string runtime_dir;
  bool all = false;
};

std::string Left(const google::protobuf::Duration& left) {
  return absl::FormatDuration(absl::Trunc(FromProto(left), absl::Seconds(1)));
}

std::string FenceState(const v1::FenceStatus& fence) {
  if (fence.state() == v1::FenceStatus::STATE_UNSPECIFIED) return "";
  return absl::StrCat(v1::FenceStatus::State_Name(fence.state()),
                      fence.paused() ? ", PAUSED" : "");
}

std::string Remaining(const v1::Lease& lease) {
  const v1::FenceStatus& fence = lease.fence();
  if (fence.has_remaining()) return Left(fence.remaining());
  return fence.state() == v1::FenceStatus::ATTACHED ||
                 fence.state() == v1::FenceStatus::DETACHED
             ? "for ever"
             : "";
}

using Leases = google::protobuf::RepeatedPtrField<v1::Lease>;

std::string AsTable(const Leases& leases) {
  Table table({{"TASKS"},
               {"FRAMEWORK"},
               {"FENCE"},
               {"TIMEOUT", Table::Align::kRight},
               {"LEFT", Table::Align::kRight},
               {"CONDITION"}});
  for (const v1::Lease& lease : leases) {
    table.AddRow({absl::StrJoin(lease.task_ids(), ","), lease.framework_id(),
                  FenceState(lease.fence()),
                  lease.fence().has_recovery_timeout()
                      ? Left(lease.fence().recovery_timeout())
                      : "",
                  Remaining(lease), lease.condition()});
  }
  return table.Text();
}

// Asks the agent by `method`, or where it does not answer the shims by
// `direct`; says which it was.
template <typename Request, typename Response>
absl::StatusOr<Response> Ask(
    const Globals& globals, const LeaseOptions& options, const Request& request,
    Client::Unary<Request, Response> method,
    absl::FunctionRef<absl::StatusOr<Response>(Shims&)> direct) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string socket, AgentSocket(globals));
  absl::Status away;
  absl::StatusOr<Client> client = ConnectToAgent(globals);
  if (client.ok()) {
    absl::StatusOr<Response> response = client->Call(method, request);
    away = response.status();
    if (!IsDisconnected(away) && !absl::IsDeadlineExceeded(away)) {
      Say(absl::StrCat("lease: asked the agent at unix:", socket));
      return response;
    }
  } else {
    away = client.status();
  }
  // Never another agent's shims than those of the agent that was meant.
  const std::string runtime_dir =
      options.runtime_dir.empty() ? DirectoryOf(socket) : options.runtime_dir;
  absl::StatusOr<Shims> shims =
      Shims::Find(runtime_dir, globals.timeout.value_or(kShimTimeout));
  if (!shims.ok()) {
    Say(absl::StrCat("lease: no shims are found: ", shims.status().message()));
    return away;
  }
  Say(absl::StrCat("lease: ", away.message(), "; asked ", shims->count(),
                   " shims in ", runtime_dir, " themselves"));
  return direct(*shims);
}

template <typename Response>
absl::StatusOr<int> Show(const Globals& globals,
                         const absl::StatusOr<Response>& response) {
  if (!response.ok()) return About(response.status(), "lease");
  HOLDFAST_RETURN_IF_ERROR(Print(globals.format == OutputFormat::kJson
                                     ? JsonArray(response->leases())
                                     : AsTable(response->leases())));
  return 0;
}

absl::StatusOr<int> List(const Globals& globals, const LeaseOptions& options) {
  v1::ListLeasesRequest request;
  request.set_framework_id(options.framework_id);
  return Show(globals,
              Ask<v1::ListLeasesRequest, v1::ListLeasesResponse>(
                  globals, options, request, &Client::Stub::ListLeases,
                  [&](Shims& shims) -> absl::StatusOr<v1::ListLeasesResponse> {
                    return shims.ListLeases(request);
                  }));
}

absl::StatusOr<int> Change(const Globals& globals, const LeaseOptions& options,
                           const v1::ChangeLeasesRequest& request) {
  return Show(globals,
              Ask<v1::ChangeLeasesRequest, v1::ChangeLeasesResponse>(
                  globals, options, request, &Client::Stub::ChangeLeases,
                  [&](Shims& shims) { return shims.ChangeLeases(request); }));
}

// The verb and its duration are taken off the front of `operands`.
absl::StatusOr<v1::ChangeLeasesRequest> ReadChange(
    std::vector<std::string>& operands) {
  v1::ChangeLeasesRequest request;
  const std::string verb = operands.front();
  operands.erase(operands.begin());
  if (verb == "pause" || verb == "resume") {
    request.set_pause(verb == "pause");
    return request;
  }
  if (verb != "extend" && verb != "timeout") {
    return UsageError(absl::StrCat(
        "\"", verb, "\" is none of ls, extend, timeout, pause, resume"));
  }
  if (operands.empty()) {
    return UsageError(absl::StrCat(verb, " needs a duration, such as 2h"));
  }
  const absl::StatusOr<absl::Duration> duration =
      ParseDuration(operands.front());
  if (!duration.ok()) return UsageError(duration.status().message());
  operands.erase(operands.begin());
  *(verb == "extend" ? request.mutable_extend()
                     : request.mutable_recovery_timeout()) = ToProto(*duration);
  return request;
}

}  // namespace

absl::StatusOr<int> Lease(Invocation& invocation) {
  LeaseOptions options;
  OptionParser parser(invocation.globals);
  parser.AddFlag('a', "all", &options.all);
  parser.AddText(0, "framework", &options.framework_id);
  parser.AddText(0, "runtime_dir", &options.runtime_dir);
  HOLDFAST_ASSIGN_OR_RETURN(auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  if (operands.empty()) {
    return UsageError("needs one of ls, extend, timeout, pause, resume");
  }
  HOLDFAST_RETURN_IF_ERROR(ExpectSome(operands, "operand"));
  if (operands.front() == "ls") {
    operands.erase(operands.begin());
    HOLDFAST_RETURN_IF_ERROR(ExpectNone(operands));
    return List(invocation.globals, options);
  }
  HOLDFAST_ASSIGN_OR_RETURN(v1::ChangeLeasesRequest request,
                            ReadChange(operands));
  if (operands.empty() != options.all) {
    return UsageError("needs either tasks or --all");
  }
  request.set_framework_id(options.framework_id);
  request.set_all(options.all);
  request.mutable_task_ids()->Add(operands.begin(), operands.end());
  return Change(invocation.globals, options, request);
}

}  // namespace holdfast::ctl
