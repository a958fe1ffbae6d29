#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "shim/containerd/task_options.h"

namespace holdfast::containerd {

// The options of a runtime as they stand in containerd's configuration, which
// CRI hands on as text: lines of TOML, `Name = "text"` or `Name = true`, with
// the names of runc's options (BinaryName, Root, SystemdCgroup, NoPivotRoot,
// NoNewKeyring, ShimCgroup, IoUid, IoGid, CriuImagePath, CriuWorkPath), empty
// ones and comments. InvalidArgument, with the line: anything else.
absl::StatusOr<TaskOptions> ParseOptionsText(absl::string_view text);

}  // namespace holdfast::containerd
