#pragma once

#include <string>

#include "plugin/launch/intent_builder.h"

namespace holdfast {

inline const Layout kLayout = {.work_dir = "/w", .runtime_dir = "/r"};

// A launch of container "c-7" with the agent's defaults, without its task.
inline LaunchRequest ALaunch() {
  LaunchRequest request;
  request.container_id = "c-7";
  request.agent_id = "a-1";
  request.boot_id = "boot-1";
  request.framework.set_framework_id("f-1");
  request.framework.set_checkpoint(true);
  request.task.set_task_id("t-7");
  request.recovery_timeout = absl::Minutes(15);
  request.grace_period = absl::Seconds(5);
  request.time = absl::FromUnixSeconds(1'800'000'000);
  return request;
}

inline LaunchRequest LaunchOf(const std::string& program,
                              const std::vector<std::string>& arguments = {}) {
  LaunchRequest request = ALaunch();
  request.task.mutable_command()->set_value(program);
  for (const std::string& argument : arguments) {
    request.task.mutable_command()->add_arguments(argument);
  }
  return request;
}

inline LaunchRequest LaunchOfExecutor() {
  LaunchRequest request = ALaunch();
  request.task.mutable_executor()->set_executor_id("e-7");
  request.task.mutable_executor()->mutable_command()->set_value("/bin/run");
  return request;
}

inline void SetVariable(LaunchRequest& request, const std::string& name,
                        const std::string& value) {
  v1::CommandInfo& command =
      request.task.has_executor()
          ? *request.task.mutable_executor()->mutable_command()
          : *request.task.mutable_command();
  v1::Environment::Variable& variable =
      *command.mutable_environment()->add_variables();
  variable.set_name(name);
  variable.set_value(value);
}

}  // namespace holdfast
