#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "shim/executor/child_setup.h"
#include "shim/executor/launch.h"

namespace holdfast::shim {

// "<step> <object>: <errno's text>", with kLaunchStepPayload.
absl::Status LaunchError(LaunchStep step, absl::string_view object,
                         int error_number);

// For what a child reported: the object is looked up in its plan, and exec's
// errors say what an operator would ask next.
absl::Status LaunchError(const LaunchPlan& plan, const StepFailure& failure);

}  // namespace holdfast::shim
