#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/status_states.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/failure.h"
#include "plugin/ctl/format.h"
#include "plugin/ctl/json_output.h"
#include "plugin/ctl/output.h"
#include "plugin/ctl/table.h"

namespace holdfast::ctl {
namespace {

// Whether the agent holds it, or why not; nothing for what has ended.
std::string Attached(const v1::Task& task) {
  if (IsTerminal(task.state())) return "";
  return task.attached() ? "yes" : "no";
}

std::string Age(const v1::Task& task) {
  if (!task.has_start_time()) return "";
  return FormatAge(absl::Now() - FromProto(task.start_time()));
}

std::string AsTable(const v1::GetTasksResponse& response) {
  Table table({{"TASK ID"},
               {"FRAMEWORK"},
               {"STATE"},
               {"PID", Table::Align::kRight},
               {"ATTACHED"},
               {"EXIT"},
               {"AGE", Table::Align::kRight},
               {"COMMAND"}});
  for (const v1::Task& task : response.tasks()) {
    table.AddRow(
        {task.task_id(), task.framework_id(), v1::TaskState_Name(task.state()),
         task.pid() == 0 ? "" : absl::StrCat(task.pid()), Attached(task),
         FormatEnd(task), Age(task), FormatCommand(task.command())});
  }
  return table.Text();
}

std::string AsIds(const v1::GetTasksResponse& response) {
  std::string text;
  for (const v1::Task& task : response.tasks()) {
    absl::StrAppend(&text, task.task_id(), "\n");
  }
  return text;
}

}  // namespace

absl::StatusOr<int> Ps(Invocation& invocation) {
  v1::GetTasksRequest request;
  bool all = false;
  bool quiet = false;
  OptionParser parser(invocation.globals);
  parser.AddFlag('a', "all", &all);
  parser.AddFlag('q', "quiet", &quiet);
  parser.AddText(0, "framework", request.mutable_framework_id());
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(ExpectNone(operands));
  request.set_include_ended(all);

  HOLDFAST_ASSIGN_OR_RETURN(Client client, ConnectToAgent(invocation.globals));
  const auto response = client.Call(&Client::Stub::GetTasks, request);
  if (!response.ok()) return About(response.status(), "ps");
  const bool json = invocation.globals.format == OutputFormat::kJson;
  HOLDFAST_RETURN_IF_ERROR(Print(quiet  ? AsIds(*response)
                                 : json ? JsonArray(response->tasks())
                                        : AsTable(*response)));
  return 0;
}

}  // namespace holdfast::ctl
