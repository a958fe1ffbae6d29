// kill and rm: one call for each task named, one line for each that fails.
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "plugin/ctl/absence.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/failure.h"
#include "plugin/ctl/task.h"

namespace holdfast::ctl {
namespace {

// How long an agent that recovers is waited for, unless --timeout says.
constexpr absl::Duration kPatience = absl::Seconds(30);

// KillTask wants the framework named.
absl::Status KillOne(Client& client, TaskName name,
                     const std::optional<absl::Duration>& grace) {
  if (name.framework_id.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto known, GetTask(client, name));
    name.framework_id = known.task().framework_id();
  }
  v1::KillTaskRequest request;
  request.set_framework_id(name.framework_id);
  request.set_task_id(name.task_id);
  if (grace) *request.mutable_grace_period() = ToProto(*grace);
  return client.Call(&Client::Stub::KillTask, request).status();
}

absl::Status RemoveOne(Client& client, const TaskName& name) {
  v1::RemoveTaskRequest request;
  request.set_framework_id(name.framework_id);
  request.set_task_id(name.task_id);
  return client.Call(&Client::Stub::RemoveTask, request).status();
}

absl::StatusOr<int> ForEach(
    const Globals& globals, absl::string_view verb,
    const std::string& framework_id, const std::vector<std::string>& ids,
    absl::FunctionRef<absl::Status(Client&, const TaskName&)> call) {
  HOLDFAST_ASSIGN_OR_RETURN(Client client, ConnectToAgent(globals));
  Absence absence(globals.timeout.value_or(kPatience));
  int exit_code = 0;
  for (const std::string& id : ids) {
    const absl::Status status = absence.Outlast([&] {
      return call(client, {framework_id, id});
    });
    const absl::Status error = About(status, absl::StrCat(verb, " ", id));
    if (IsAway(status)) return error;  // the others would fare no better
    if (status.ok()) continue;
    Say(error.message());
    exit_code = kExitFailed;
  }
  return exit_code;
}

}  // namespace

absl::StatusOr<int> Kill(Invocation& invocation) {
  std::string framework_id;
  std::optional<absl::Duration> grace;
  OptionParser parser(invocation.globals);
  parser.AddText(0, "framework", &framework_id);
  parser.AddDuration(0, "grace", &grace);
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(ExpectSome(operands, "TASK_ID"));
  return ForEach(invocation.globals, "kill", framework_id, operands,
                 [&](Client& client, const TaskName& name) {
                   return KillOne(client, name, grace);
                 });
}

absl::StatusOr<int> Remove(Invocation& invocation) {
  std::string framework_id;
  OptionParser parser(invocation.globals);
  parser.AddText(0, "framework", &framework_id);
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(ExpectSome(operands, "TASK_ID"));
  return ForEach(invocation.globals, "rm", framework_id, operands, RemoveOne);
}

}  // namespace holdfast::ctl
