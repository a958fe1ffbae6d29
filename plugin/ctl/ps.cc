#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/status_states.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/directories.h"
#include "plugin/ctl/failure.h"
#include "plugin/ctl/format.h"
#include "plugin/ctl/found_row.h"
#include "plugin/ctl/found_tasks.h"
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

std::string PidOrNone(int pid) { return pid == 0 ? "" : absl::StrCat(pid); }

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
    table.AddRow({task.task_id(), task.framework_id(),
                  v1::TaskState_Name(task.state()), PidOrNone(task.pid()),
                  Attached(task), FormatEnd(task), Age(task),
                  FormatCommand(task.command())});
  }
  return table.Text();
}

std::string AsTableOfAllAgents(const v1::GetTasksResponse& response) {
  Table table({{"TASK ID"},
               {"FRAMEWORK"},
               {"AGENT"},
               {"STATE"},
               {"PID", Table::Align::kRight},
               {"SHIM", Table::Align::kRight},
               {"EXIT"},
               {"AGE", Table::Align::kRight},
               {"COMMAND"},
               {"CONDITION"}});
  for (const v1::Task& task : response.tasks()) {
    table.AddRow({task.task_id(), task.framework_id(), task.agent(),
                  v1::TaskState_Name(task.state()), PidOrNone(task.pid()),
                  PidOrNone(task.shim_pid()), FormatEnd(task), Age(task),
                  FormatCommand(task.command()), task.condition()});
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

absl::StatusOr<v1::GetTasksResponse> AskAgent(
    const Globals& globals, const v1::GetTasksRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(Client client, ConnectToAgent(globals));
  return client.Call(&Client::Stub::GetTasks, request);
}

// Adds the tasks of this host's containerds. An error: not all directories
// could be looked at.
absl::Status AddFound(Directories& directories,
                      const v1::GetTasksRequest& request,
                      v1::GetTasksResponse& response) {
  const bool named = !directories.work_dir.empty();
  const absl::StatusOr<Layout> layout = directories.Resolve();
  if (!layout.ok()) {
    // No containerd has made a task through us, ever.
    if (!named && absl::IsNotFound(layout.status())) return absl::OkStatus();
    return layout.status();
  }
  const FoundTasks found = FindTasks(SystemFiles(), layout->work_dir);
  for (const FoundTask& task : found.tasks) {
    v1::Task row = MakeRow(task);
    const bool wanted = request.framework_id().empty() ||
                        request.framework_id() == row.framework_id();
    if (wanted && (request.include_ended() || !IsTerminal(row.state()))) {
      *response.add_tasks() = std::move(row);
    }
  }
  return found.status;
}

}  // namespace

absl::StatusOr<int> Ps(Invocation& invocation) {
  v1::GetTasksRequest request;
  bool all = false;
  bool all_agents = false;
  bool quiet = false;
  Directories directories;
  OptionParser parser(invocation.globals);
  parser.AddFlag('a', "all", &all);
  parser.AddFlag(0, "all-agents", &all_agents);
  parser.AddFlag('q', "quiet", &quiet);
  parser.AddText(0, "framework", request.mutable_framework_id());
  parser.AddText(0, "work_dir", &directories.work_dir);
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(ExpectNone(operands));
  request.set_include_ended(all);

  absl::StatusOr<v1::GetTasksResponse> response =
      AskAgent(invocation.globals, request);
  int exit_code = 0;
  if (!response.ok()) {
    const absl::Status why = About(response.status(), "ps");
    if (!all_agents) return why;
    Say(absl::StrCat(why.message(), "; its tasks are not shown"));
    if (!IsDisconnected(why)) exit_code = ExitCodeOf(why);
    response = v1::GetTasksResponse();
  }
  if (all_agents) {
    const absl::Status looked = AddFound(directories, request, *response);
    if (!looked.ok()) {
      Say(absl::StrCat("ps: containerd's tasks: ", looked.message()));
      exit_code = kExitFailed;
    }
  }
  const bool json = invocation.globals.format == OutputFormat::kJson;
  HOLDFAST_RETURN_IF_ERROR(Print(quiet        ? AsIds(*response)
                                 : json       ? JsonArray(response->tasks())
                                 : all_agents ? AsTableOfAllAgents(*response)
                                              : AsTable(*response)));
  return exit_code;
}

}  // namespace holdfast::ctl
