#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/errors.h"
#include "plugin/ctl/absence.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/failure.h"
#include "plugin/ctl/json_output.h"
#include "plugin/ctl/output.h"
#include "plugin/ctl/task.h"
#include "plugin/ctl/task_ends.h"

namespace holdfast::ctl {
namespace {

// Says how one ended, and what to exit with if it was the last one named.
absl::StatusOr<int> ReportEnd(const Globals& globals, const TaskName& name,
                              const absl::StatusOr<v1::Task>& task) {
  if (!task.ok()) {
    Say(About(task.status(), absl::StrCat("wait ", name.task_id)).message());
    return kExitFailed;
  }
  const int exit_code = TaskExitCode(*task);
  HOLDFAST_RETURN_IF_ERROR(
      Print(globals.format == OutputFormat::kJson
                ? JsonLine(*task)
                : absl::StrCat(name.task_id, " ", exit_code, "\n")));
  return exit_code;
}

}  // namespace

absl::StatusOr<int> Wait(Invocation& invocation) {
  std::string framework_id;
  OptionParser parser(invocation.globals);
  parser.AddText(0, "framework", &framework_id);
  HOLDFAST_ASSIGN_OR_RETURN(const auto operands,
                            parser.Parse(invocation.argc, invocation.argv));
  HOLDFAST_RETURN_IF_ERROR(ExpectSome(operands, "TASK_ID"));
  std::vector<TaskName> names;
  for (const std::string& id : operands) names.push_back({framework_id, id});

  HOLDFAST_ASSIGN_OR_RETURN(Client client, ConnectToAgent(invocation.globals));
  Absence absence(invocation.globals.timeout);
  absl::StatusOr<int> last = kExitFailed;
  absl::Status printed;
  const auto ended = [&](const TaskName& name,
                         const absl::StatusOr<v1::Task>& task) {
    const auto reported = ReportEnd(invocation.globals, name, task);
    if (!reported.ok()) printed = reported.status();
    if (name.task_id == operands.back()) last = reported;
  };
  const absl::Time deadline = absl::Now() + invocation.globals.timeout.value_or(
                                                absl::InfiniteDuration());
  HOLDFAST_RETURN_IF_ERROR(
      About(TaskEnds(client, absence).Await(std::move(names), ended, deadline),
            "wait"));
  HOLDFAST_RETURN_IF_ERROR(printed);
  return last;
}

}  // namespace holdfast::ctl
