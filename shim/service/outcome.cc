#include "shim/service/outcome.h"

#include <signal.h>
#include <string.h>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "api/time_convert.h"

namespace holdfast::shim {
namespace {

bool HasStatus(const v1::Exited& exited) {
  return exited.has_exit_code() || exited.has_signal();
}

Outcome ByFence(const v1::Exited& exited, const v1::Fenced& fenced) {
  return {
      v1::TASK_FAILED, v1::REASON_RECOVERY_TIMEOUT,
      absl::StrCat("No agent came back within recovery_timeout (",
                   absl::FormatDuration(FromProto(fenced.recovery_timeout())),
                   "); the executor was ended and ", Describe(exited))};
}

v1::TaskState StateByKill(const v1::KillRequested& kill) {
  if (kill.state() != v1::TASK_STATE_UNSPECIFIED) return kill.state();
  switch (kill.reason()) {
    // Nobody asked for it: the agent of a framework without checkpoint is
    // gone, or its shim did not answer.
    case v1::REASON_AGENT_ENDED:
    case v1::REASON_EXECUTOR_REREGISTRATION_TIMEOUT:
      return v1::TASK_FAILED;
    default:
      return v1::TASK_KILLED;
  }
}

std::string WhyKilled(const v1::KillRequested& kill) {
  if (!kill.message().empty()) return kill.message();
  return kill.reason() == v1::REASON_AGENT_ENDED ? "The agent is gone"
                                                 : "Killed by request";
}

Outcome ByKill(const v1::Exited& exited, const v1::KillRequested& kill) {
  return {StateByKill(kill), kill.reason(),
          absl::StrCat(WhyKilled(kill), "; ", Describe(exited))};
}

}  // namespace

std::string Describe(const v1::Exited& exited) {
  if (exited.has_exit_code()) {
    return absl::StrCat("exited with status ", exited.exit_code());
  }
  if (exited.has_signal()) {
    const char* name = sigdescr_np(exited.signal());
    return absl::StrCat("terminated by signal ", exited.signal(), " (",
                        name != nullptr ? name : "unknown", ")");
  }
  return exited.message();
}

Outcome OutcomeOfCommand(const v1::Exited& exited,
                         const std::optional<v1::KillRequested>& kill,
                         const std::optional<v1::Fenced>& fenced) {
  if (fenced) return ByFence(exited, *fenced);
  if (kill) return ByKill(exited, *kill);
  if (!HasStatus(exited)) {
    return {v1::TASK_FAILED, v1::REASON_SHIM_DIED,
            absl::StrCat("Exit status unknown: ", exited.message())};
  }
  if (exited.oom_killed() && exited.signal() == SIGKILL) {
    return {v1::TASK_FAILED, v1::REASON_CONTAINER_LIMITATION_MEMORY,
            "Memory limit exceeded; killed by the kernel"};
  }
  if (exited.has_exit_code() && exited.exit_code() == 0) {
    return {v1::TASK_FINISHED, v1::REASON_UNSPECIFIED,
            absl::StrCat("Command ", Describe(exited))};
  }
  return {v1::TASK_FAILED, v1::REASON_COMMAND_EXECUTOR_FAILED,
          absl::StrCat("Command ", Describe(exited),
                       exited.oom_killed()
                           ? "; the kernel had killed another process of it "
                             "for its memory"
                           : "")};
}

Outcome OutcomeOfOrphan(const v1::Exited& exited,
                        const std::optional<v1::KillRequested>& task_kill,
                        const std::optional<v1::KillRequested>& executor_kill,
                        const std::optional<v1::Fenced>& fenced) {
  if (fenced) return ByFence(exited, *fenced);
  if (task_kill) return ByKill(exited, *task_kill);
  if (executor_kill) return ByKill(exited, *executor_kill);
  return {
      v1::TASK_FAILED,
      exited.oom_killed() && exited.signal() == SIGKILL
          ? v1::REASON_CONTAINER_LIMITATION_MEMORY
          : v1::REASON_EXECUTOR_TERMINATED,
      absl::StrCat("Its executor ",
                   HasStatus(exited) ? "" : "has ended; exit status unknown: ",
                   Describe(exited))};
}

Outcome OutcomeOfHostStop(const v1::Exited& exited) {
  return {v1::TASK_FAILED, v1::REASON_AGENT_REBOOTED,
          absl::StrCat("The host went down; the executor was ended and ",
                       Describe(exited))};
}

void AttributeToKill(const v1::KillRequested& kill, v1::TaskStatus& status) {
  if (status.state() != v1::TASK_KILLED ||
      status.reason() != v1::REASON_UNSPECIFIED) {
    return;
  }
  status.set_state(StateByKill(kill));
  status.set_reason(kill.reason());
  if (status.message().empty()) status.set_message(WhyKilled(kill));
}

}  // namespace holdfast::shim
