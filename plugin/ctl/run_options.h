#pragma once

#include "absl/status/statusor.h"
#include "api/orchestrator.pb.h"
#include "plugin/ctl/options.h"

namespace holdfast::ctl {

// What `run` is to start, as the API wants it.
struct RunRequest {
  bool detach = false;
  v1::RegisterFrameworkRequest framework;
  v1::LaunchTaskRequest launch;
};

// `run OPTION… [--] CMD ARG…`. Usage errors only.
absl::StatusOr<RunRequest> ParseRun(Invocation& invocation);

}  // namespace holdfast::ctl
