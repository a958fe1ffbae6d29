#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "plugin/ctl/absence.h"
#include "plugin/ctl/commands.h"
#include "plugin/ctl/failure.h"
#include "plugin/ctl/interrupts.h"
#include "plugin/ctl/json_output.h"
#include "plugin/ctl/kill_forwarder.h"
#include "plugin/ctl/log_stream.h"
#include "plugin/ctl/output.h"
#include "plugin/ctl/run_options.h"
#include "plugin/ctl/task.h"
#include "plugin/ctl/task_ends.h"

namespace holdfast::ctl {
namespace {

// Until it is answered: both calls may be repeated, and an agent that came
// back in between may have to be told of the framework again.
absl::StatusOr<v1::Task> Launch(Client& client, Absence& absence,
                                const RunRequest& run) {
  v1::Task task;
  const absl::Status launched = absence.Outlast([&]() -> absl::Status {
    HOLDFAST_RETURN_IF_ERROR(
        client.Call(&Client::Stub::RegisterFramework, run.framework).status());
    HOLDFAST_ASSIGN_OR_RETURN(
        v1::LaunchTaskResponse response,
        client.Call(&Client::Stub::LaunchTask, run.launch));
    task = std::move(*response.mutable_task());
    return absl::OkStatus();
  });
  if (!launched.ok()) return launched;
  return task;
}

// A launch that was refused or went wrong exits as `docker run` would.
absl::StatusOr<int> LaunchFailed(const absl::Status& status,
                                 const Interrupts& interrupts,
                                 const std::string& task_id) {
  if (absl::IsCancelled(status)) {
    Say(absl::StrCat("run ", task_id,
                     ": interrupted before the agent answered; whether it "
                     "runs: holdfastctl inspect ",
                     task_id));
    return kExitSignalBase + interrupts.Next();
  }
  if (IsAway(status)) return About(status, absl::StrCat("run ", task_id));
  Say(About(status, absl::StrCat("run ", task_id)).message());
  return LaunchFailureCode(status.message());
}

// Writes until our own reader leaves, which ends the task as it would end a
// command that was not run by us: by a signal. Then there is only silence.
class OwnOutput {
 public:
  absl::Status Write(int fd, absl::string_view bytes) {
    bool& lost = fd == STDERR_FILENO ? stderr_lost_ : stdout_lost_;
    if (lost) return absl::OkStatus();
    const absl::Status status = WriteAll(fd, bytes);
    if (status.ok()) return status;
    lost = true;
    Say(status.message());
    if (absl::IsAborted(status)) (void)kill(getpid(), SIGTERM);
    return absl::OkStatus();
  }

  bool lost() const { return stdout_lost_ || stderr_lost_; }

 private:
  bool stdout_lost_ = false;
  bool stderr_lost_ = false;
};

// Shows the output and waits for the end, over any number of agents.
absl::StatusOr<int> Attend(Client& client, Absence& absence,
                           const TaskName& name) {
  v1::LogsRequest request;
  request.set_framework_id(name.framework_id);
  request.set_task_id(name.task_id);
  OwnOutput output;
  const absl::Status copied =
      LogStream(client, request, [&](int fd, absl::string_view bytes) {
        return output.Write(fd, bytes);
      }).Follow(absence);
  if (absl::IsNotFound(copied) || absl::IsDeadlineExceeded(copied)) {
    return copied;
  }
  // Without its output the task is still ours to wait for.
  if (!copied.ok()) Say(About(copied, "output").message());

  absl::StatusOr<int> exit_code = kExitFailed;
  const auto ended = [&](const TaskName&,
                         const absl::StatusOr<v1::Task>& task) {
    if (task.ok()) {
      exit_code = TaskExitCode(*task);
    } else {
      exit_code = task.status();
    }
  };
  HOLDFAST_RETURN_IF_ERROR(TaskEnds(client, absence).Await({name}, ended));
  if (exit_code.ok() && *exit_code == 0 && (output.lost() || !copied.ok())) {
    return kExitFailed;
  }
  return exit_code;
}

absl::StatusOr<int> PrintStarted(const Globals& globals, const v1::Task& task) {
  HOLDFAST_RETURN_IF_ERROR(Print(globals.format == OutputFormat::kJson
                                     ? JsonText(task)
                                     : absl::StrCat(task.task_id(), "\n")));
  return 0;
}

}  // namespace

absl::StatusOr<int> Run(Invocation& invocation) {
  HOLDFAST_ASSIGN_OR_RETURN(const RunRequest run, ParseRun(invocation));
  const TaskName name = {run.launch.framework_id(),
                         run.launch.task().task_id()};
  // Before gRPC has threads.
  HOLDFAST_ASSIGN_OR_RETURN(const Interrupts interrupts, Interrupts::Take());
  if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
    return ErrnoStatus(errno, "signal", "SIGPIPE");
  }
  HOLDFAST_ASSIGN_OR_RETURN(Client client, ConnectToAgent(invocation.globals));

  Absence launching(invocation.globals.timeout, [&](absl::Duration duration) {
    return interrupts.Pause(duration);
  });
  const absl::StatusOr<v1::Task> task = Launch(client, launching, run);
  if (!task.ok()) {
    return LaunchFailed(task.status(), interrupts, name.task_id);
  }
  if (run.detach) return PrintStarted(invocation.globals, *task);

  v1::KillTaskRequest kill;
  kill.set_framework_id(name.framework_id);
  kill.set_task_id(name.task_id);
  const KillForwarder forwarder(interrupts, client.Another(), kill);
  Absence absence(invocation.globals.timeout);
  const absl::StatusOr<int> exit_code = Attend(client, absence, name);
  if (exit_code.ok()) return exit_code;
  return About(exit_code.status(), absl::StrCat("run ", name.task_id));
}

}  // namespace holdfast::ctl
