#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/records.pb.h"
#include "api/types.pb.h"
#include "cgroups/cgroups.h"

namespace holdfast {

// What the agent decided about a launch before anything was made for it.
struct LaunchRequest {
  std::string container_id;
  std::string agent_id;
  std::string boot_id;
  v1::FrameworkInfo framework;
  v1::TaskInfo task;
  absl::Duration recovery_timeout;  // the agent's default
  absl::Duration grace_period;      // likewise
  absl::Time time;
};

// The executor that a task runs in: its own, or the command task's.
std::string ExecutorIdOf(const v1::TaskInfo& task);

// What its cgroup is to enforce.
CgroupLimits LimitsOf(const v1::TaskInfo& task);
CgroupLimits LimitsOf(const v1::Resources& resources);

}  // namespace holdfast
