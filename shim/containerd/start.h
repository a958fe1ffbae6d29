#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "shim/containerd/invocation.h"

namespace holdfast::containerd {

// `start`: the address of the shim that serves the task whose bundle is the
// current directory. It is that of its group where one lives (annotations of
// config.json), else a new one, which is started: in a session and a cgroup of
// its own, so that what ends containerd's unit does not end it, and with
// nothing of ours open. The address is written into the bundle, too, where
// containerd 1.6 and 1.7 look for it. `stdin_bytes`: what it was given.
absl::StatusOr<std::string> Start(const Invocation& invocation,
                                  const std::string& stdin_bytes);

}  // namespace holdfast::containerd
