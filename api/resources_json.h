#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/types.pb.h"

namespace holdfast {

// Mesos' JSON of resources; see ParseResources in api/values.h, which checks
// the values. InvalidArgument: no such JSON.
absl::StatusOr<std::vector<v1::AgentResource>> ResourcesFromJson(
    absl::string_view text);

}  // namespace holdfast
