#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/orchestrator.pb.h"
#include "plugin/ctl/client.h"

namespace holdfast::ctl {

// A task as a person names it: the framework may be left empty.
struct TaskName {
  std::string framework_id;
  std::string task_id;
};

// One try. Unavailable also for a task that an agent does not know while it
// is still recovering: it may not have come to it.
absl::StatusOr<v1::GetTaskResponse> GetTask(Client& client,
                                            const TaskName& name);

// As a shell would exit for it: its code, 128 + its signal, and for a command
// that never ran what LaunchFailureCode says. 0 or 1 where nobody can know.
int TaskExitCode(const v1::Task& task);

// Of LAUNCH_FAILED's text, which names the step and its error: 127 where exec
// found no program, 126 where it could not run it, 125 for all other steps.
int LaunchFailureCode(absl::string_view text);

}  // namespace holdfast::ctl
