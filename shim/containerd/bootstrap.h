#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "shim/containerd/invocation.h"
#include "shim/containerd/task_options.h"

namespace holdfast::containerd {

struct StartInput {
  TaskOptions options;
  std::string events_address;  // empty: it is in the environment
};

// What `start` finds on its stdin: from containerd 2.3 a BootstrapParams, in
// whose extensions the task's options are, before an Any of these, or nothing.
// Both can parse as the other; it is the former when it names the id and the
// namespace of the command line. InvalidArgument: neither.
absl::StatusOr<StartInput> ParseStartInput(const Invocation& invocation,
                                           const std::string& bytes);

}  // namespace holdfast::containerd
