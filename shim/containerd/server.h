#pragma once

#include "absl/status/status.h"
#include "base/unique_fd.h"
#include "shim/containerd/invocation.h"

namespace holdfast::containerd {

// The shim itself: serves `listening` until it is not needed any more. The
// socket and what `start` wrote of it are removed then. An error: the system
// does not give what a loop needs.
absl::Status Serve(const Invocation& invocation, UniqueFd listening);

}  // namespace holdfast::containerd
