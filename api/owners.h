#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// An owner of containers (api/containerizer.proto) is a framework to all that
// is not that service: one in a namespace of its own, so that no orchestrator
// meets it by chance. What follows from that follows from the id alone, and
// survives a framework's record that is lost.
namespace holdfast {

inline constexpr char kOwnerPrefix[] = "containerizer:";

// "mesos-1" is the framework "containerizer:mesos-1".
std::string FrameworkOfOwner(absl::string_view owner);
bool IsOwnersFramework(absl::string_view framework_id);

// InvalidArgument: no id (ids.h), or its framework would have none.
absl::Status ValidateOwner(absl::string_view owner);
// InvalidArgument: the id is in the owners' namespace.
absl::Status CheckNotAnOwners(absl::string_view framework_id);

}  // namespace holdfast
