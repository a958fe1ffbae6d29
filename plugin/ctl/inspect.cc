#include "absl/strings/str_cat.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/failure.h"
#include "plugin/ctl/format.h"
#include "plugin/ctl/found_row.h"
#include "plugin/ctl/json_output.h"
#include "plugin/ctl/output.h"
#include "plugin/ctl/table.h"
#include "plugin/ctl/task.h"
#include "plugin/ctl/task_choice.h"

namespace holdfast::ctl {
namespace {

std::string YesNo(bool value) { return value ? "yes" : "no"; }
std::string Pid(int pid) { return pid == 0 ? "" : absl::StrCat(pid); }

// The reason's name, nothing for none.
std::string ReasonName(v1::TaskStatusReason reason) {
  return reason == v1::REASON_UNSPECIFIED ? ""
                                          : v1::TaskStatusReason_Name(reason);
}

std::string Facts(const v1::Task& task) {
  return Pairs({
      {"task", task.task_id()},
      {"name", task.name()},
      {"framework", task.framework_id()},
      {"executor", task.executor_id()},
      {"container", task.container_id()},
      {"agent", task.agent()},
      {"state", v1::TaskState_Name(task.state())},
      {"exit", FormatEnd(task)},
      {"reason", ReasonName(task.reason())},
      {"message", task.message()},
      {"pid", Pid(task.pid())},
      {"shim pid", Pid(task.shim_pid())},
      {"attached", YesNo(task.attached())},
      {"condition", task.condition()},
      {"checkpoint", YesNo(task.checkpoint())},
      {"recovery timeout",
       task.has_recovery_timeout()
           ? absl::FormatDuration(FromProto(task.recovery_timeout()))
           : ""},
      {"started", FormatTime(task.start_time())},
      {"ended", FormatTime(task.end_time())},
      {"command", FormatCommand(task.command())},
      {"resources", FormatResources(task.resources())},
      {"sandbox", task.sandbox()},
      {"unacknowledged updates", absl::StrCat(task.unacknowledged_updates())},
  });
}

// What containerd said of it.
std::string Containerd(const v1::GetTaskResponse& response) {
  if (!response.has_containerd()) return "";
  const v1::ContainerdTask& said = response.containerd();
  return Pairs({
      {"bundle", said.bundle()},
      {"shared shim of", said.group()},
      {"runtime", said.runtime()},
      {"runtime root", said.runtime_root()},
      {"systemd cgroup", YesNo(said.systemd_cgroup())},
      {"terminal", YesNo(said.terminal())},
      {"stdin", said.stdin()},
      {"stdout", said.stdout()},
      {"stderr", said.stderr()},
  });
}

std::string Updates(const v1::GetTaskResponse& response) {
  if (response.updates().empty()) return "";
  Table table({{"TIME"}, {"STATE"}, {"EXIT"}, {"UUID"}, {"MESSAGE"}});
  for (const v1::StatusUpdate& update : response.updates()) {
    const v1::TaskStatus& status = update.status();
    table.AddRow({FormatTime(status.timestamp()),
                  v1::TaskState_Name(status.state()), FormatEnd(status),
                  update.uuid(), status.message()});
  }
  return absl::StrCat("\n", table.Text());
}

}  // namespace

absl::StatusOr<int> Inspect(Invocation& invocation) {
  TaskChoice choice;
  OptionParser parser(invocation.globals);
  choice.AddOptions(parser);
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(choice.Take(operands));

  v1::GetTaskResponse response;
  const absl::Status answered = choice.Answer(
      invocation.globals,
      [&](Client& client) -> absl::Status {
        HOLDFAST_ASSIGN_OR_RETURN(response, GetTask(client, choice.name()));
        return absl::OkStatus();
      },
      [&](const FoundTask& task) -> absl::Status {
        HOLDFAST_ASSIGN_OR_RETURN(response, Describe(task));
        return absl::OkStatus();
      });
  if (!answered.ok()) {
    return About(answered, absl::StrCat("inspect ", operands.front()));
  }
  HOLDFAST_RETURN_IF_ERROR(
      Print(invocation.globals.format == OutputFormat::kJson
                ? JsonText(response)
                : absl::StrCat(Facts(response.task()), Containerd(response),
                               Updates(response))));
  return 0;
}

}  // namespace holdfast::ctl
