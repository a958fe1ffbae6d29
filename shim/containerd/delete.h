#pragma once

#include "absl/status/statusor.h"
#include "api/containerd/task.pb.h"
#include "shim/containerd/invocation.h"

namespace holdfast::containerd {

// `delete`: containerd's connection to a task's shim is gone, and so the task
// is to go, too. What is left of it is killed and removed (container, mounts,
// journal), and how it ended is returned: as its journal says it; where that
// knows no end, as we have just ended it; where it had ended, and nobody was
// there to see how, with the exit status 255.
absl::StatusOr<::containerd::task::v2::DeleteResponse> Delete(
    const Invocation& invocation);

}  // namespace holdfast::containerd
