#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace holdfast {

// Serves `services`, and reflection, on the unix socket at `path`, which is
// made anew: 0660, and of `group`; without such a group it is its owner's
// alone. FailedPrecondition: the socket cannot be made.
absl::StatusOr<std::unique_ptr<grpc::Server>> ServeOn(
    const std::string& path, const std::string& group,
    const std::vector<grpc::Service*>& services);

}  // namespace holdfast
