#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace holdfast::containerd {

// `-info`: a RuntimeInfo (api/containerd/bootstrap.proto), serialized, with
// what the OCI runtime says of its features. `input`: an Any of the options
// that the runtime has in containerd's configuration, or nothing.
absl::StatusOr<std::string> DescribeRuntime(const std::string& input);

}  // namespace holdfast::containerd
