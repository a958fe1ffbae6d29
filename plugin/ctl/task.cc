#include "plugin/ctl/task.h"

#include "absl/strings/match.h"
#include "plugin/ctl/failure.h"

namespace holdfast::ctl {

absl::StatusOr<v1::GetTaskResponse> GetTask(Client& client,
                                            const TaskName& name) {
  v1::GetTaskRequest request;
  request.set_framework_id(name.framework_id);
  request.set_task_id(name.task_id);
  auto task = client.Call(&Client::Stub::GetTask, request);
  if (!absl::IsNotFound(task.status())) return task;

  const auto agent =
      client.Call(&Client::Stub::GetAgent, v1::GetAgentRequest());
  if (!agent.ok() || !agent->recovering()) return task;
  return absl::UnavailableError("the agent is still recovering");
}

int TaskExitCode(const v1::Task& task) {
  if (task.has_exit_code()) return task.exit_code();
  if (task.has_signal()) return kExitSignalBase + task.signal();
  if (task.reason() == v1::REASON_CONTAINER_LAUNCH_FAILED) {
    return LaunchFailureCode(task.message());
  }
  return task.state() == v1::TASK_FINISHED ? 0 : kExitFailed;
}

int LaunchFailureCode(absl::string_view text) {
  if (!absl::StrContains(text, "exec ")) return kExitLaunchFailed;
  return absl::StrContains(text, "No such file or directory")
             ? kExitNotFound
             : kExitNotExecutable;
}

}  // namespace holdfast::ctl
