#include "hack/demo_driver/report.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "hack/demo_driver/verdicts.h"

namespace holdfast::hack {
namespace {

std::string FormatPid(const std::optional<ProcessIdentity>& process) {
  return process ? absl::StrCat(process->pid) : "-";
}

std::string FormatEnd(const TaskObservation& task) {
  const v1::TaskStatus* end = task.updates.terminal();
  if (task.task.fate == DemoTask::Fate::kEndsWithAgent) return "with the agent";
  if (end == nullptr) return "?";
  const std::string how =
      end->has_signal()      ? absl::StrCat("signal ", end->signal())
      : end->has_exit_code() ? absl::StrCat("exit ", end->exit_code())
                             : "";
  if (task.task.fate == DemoTask::Fate::kLives) return "killed by us";
  return absl::StrCat(how, ", meanwhile");
}

// "RUNNING FINISHED"
std::string FormatUpdates(const UpdateLedger::Task& updates) {
  std::string text = absl::StrJoin(
      updates.updates, " ", [](std::string* out, const auto& update) {
        const std::string& state = v1::TaskState_Name(update.status().state());
        absl::StrAppend(out, absl::StripPrefix(state, "TASK_"));
      });
  if (updates.repeats > 0)
    absl::StrAppend(&text, " (", updates.repeats, " repeated)");
  return text;
}

}  // namespace

std::string FormatTasks(const Observations& seen) {
  std::string text =
      absl::StrFormat("\n%-12s %7s %7s %6s %8s  %-20s %-18s\n", "TASK", "PID",
                      "PID NOW", "LINES", "GAP", "END", "UPDATES, EACH ONCE");
  for (const TaskObservation& task : seen.tasks) {
    const bool has_output = task.counter.lines > 0;
    absl::StrAppendFormat(
        &text, "%-12s %7s %7s %6s %8s  %-20s %-18s%s\n",
        task.task.info.task_id(), FormatPid(task.before), FormatPid(task.after),
        has_output ? absl::StrCat(task.counter.lines) : "-",
        has_output ? absl::StrFormat("%.0f ms", absl::ToDoubleMilliseconds(
                                                    task.counter.longest_gap))
                   : "-",
        FormatEnd(task), FormatUpdates(task.updates),
        absl::StrCat("  ", Complaint(task, seen)));
  }
  return text;
}

std::string FormatVerdicts(const Observations& seen) {
  std::string text = "\n";
  for (const Verdict& verdict : Judge(seen)) {
    absl::StrAppendFormat(&text, "%-6s %-46s %s\n",
                          verdict.held ? "held" : "BROKEN", verdict.promise,
                          verdict.seen);
  }
  absl::StrAppendFormat(&text, "%-6s %-46s %.0f ms\n", "",
                        "agent started -> every executor attached",
                        absl::ToDoubleMilliseconds(seen.recovery));
  return text;
}

}  // namespace holdfast::hack
