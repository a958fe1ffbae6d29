#pragma once

#include "api/records.pb.h"
#include "shim/executor/launch.h"

namespace holdfast::shim {

// The intent's launch as the launcher wants it; descriptors are left out.
LaunchPlan MakeLaunchPlan(const v1::LaunchSpec& spec);

}  // namespace holdfast::shim
