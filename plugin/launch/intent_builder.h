#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "api/records.pb.h"
#include "cgroups/cgroups.h"
#include "plugin/checkpoint/layout.h"
#include "plugin/launch/launch_request.h"

namespace holdfast {

// The intent from which a shim can start the executor: names resolved to
// numbers, defaults filled in, the environment complete. May wait for NSS.
// NotFound: an unknown user. InvalidArgument: an unknown resource limit.
absl::StatusOr<v1::Intent> BuildIntent(const LaunchRequest& request,
                                       const Layout& layout);

// What the cgroups' making adds to it.
void AddGroups(const ContainerGroups& groups, v1::LaunchSpec& spec);

}  // namespace holdfast
