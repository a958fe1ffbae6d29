#pragma once

#include "absl/status/status.h"
#include "api/types.pb.h"

namespace holdfast {

// Whether a message from outside keeps the limits that types.proto states.
// InvalidArgument names the field, what it holds and what is allowed.
absl::Status ValidateFramework(const v1::FrameworkInfo& framework);
absl::Status ValidateTask(const v1::TaskInfo& task);
absl::Status ValidateResources(const v1::Resources& resources);

}  // namespace holdfast
