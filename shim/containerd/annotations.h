#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "shim/containerd/process_io.h"

namespace holdfast::containerd {

// What a task's OCI annotations ask of Holdfast:
//   dev.holdfast.checkpoint           "true" (default), "false"
//   dev.holdfast.recovery_timeout     "15mins"; absent: the container lives on
//   dev.holdfast.output.spool_bytes   "64MiB" (default)
//   dev.holdfast.output.policy        "spool" (default), "drop-oldest", "block"
// The last two also without "dev.". docs/containerd.md says what each does.
struct Annotations {
  // How long the container lives without a daemon; zero where it is not to
  // outlive its daemon.
  absl::Duration recovery_timeout = absl::InfiniteDuration();
  SpoolOptions spool;  // without a directory
};

// InvalidArgument: one has a value that it cannot have, or there is none of
// that name below dev.holdfast.; it is named, with what is allowed.
absl::StatusOr<Annotations> ParseAnnotations(
    const std::map<std::string, std::string>& annotations);

// The containers of which have one shim; empty: this one has its own.
std::string GroupOf(const std::map<std::string, std::string>& annotations);

}  // namespace holdfast::containerd
