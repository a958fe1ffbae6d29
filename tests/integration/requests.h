#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "api/orchestrator.pb.h"
#include "api/time_convert.h"

namespace holdfast {

// The framework of tests that need one and no more.
inline constexpr char kFramework[] = "orchestrator";

inline v1::TaskInfo CommandTask(const std::string& task_id,
                                const std::vector<std::string>& argv) {
  v1::TaskInfo task;
  task.set_task_id(task_id);
  task.mutable_command()->set_value(argv[0]);
  task.mutable_command()->mutable_arguments()->Add(argv.begin() + 1,
                                                   argv.end());
  return task;
}

inline v1::TaskInfo ShellTask(const std::string& task_id,
                              const std::string& line) {
  v1::TaskInfo task;
  task.set_task_id(task_id);
  task.mutable_command()->set_value(line);
  task.mutable_command()->set_shell(true);
  return task;
}

inline v1::TaskInfo WithRecoveryTimeout(v1::TaskInfo task,
                                        absl::Duration recovery_timeout) {
  *task.mutable_recovery_timeout() = ToProto(recovery_timeout);
  return task;
}

inline v1::TaskInfo WithGrace(v1::TaskInfo task, absl::Duration grace_period) {
  *task.mutable_kill_policy()->mutable_grace_period() = ToProto(grace_period);
  return task;
}

inline v1::LaunchTaskRequest LaunchOf(const v1::TaskInfo& task,
                                      const std::string& framework_id) {
  v1::LaunchTaskRequest request;
  request.set_framework_id(framework_id);
  *request.mutable_task() = task;
  return request;
}

}  // namespace holdfast
