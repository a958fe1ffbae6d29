#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "shim/containerd/task_options.h"

namespace holdfast::containerd {

// The OCI runtime of a task: what its options name, else crun or runc,
// whichever PATH leads to first in that order. NotFound: there is none.
absl::StatusOr<std::string> RuntimeBinary(const TaskOptions& options);

// Where that one keeps the state of the containers of a namespace.
std::string RuntimeRoot(const TaskOptions& options,
                        absl::string_view name_space);

}  // namespace holdfast::containerd
