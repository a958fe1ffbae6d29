#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "shim/containerd/children.h"

namespace holdfast::containerd {

// The last error among what an OCI runtime wrote with --log-format json, a
// message a line: `"level":"error"`, or fatal or panic. Where there is none,
// the last line that is no JSON (what the dynamic linker or a crash says); else
// empty.
std::string LastRuntimeError(absl::string_view log);

// How one command of the runtime went. OK: it exited with 0. Else Unknown "OCI
// runtime create failed: <its last error, or how it ended>"; for some commands
// NotFound, as containerd has it:
//   kill    "process already finished", "no such container"
//   delete  there is no such container
absl::Status RuntimeStatus(absl::string_view command, absl::string_view id,
                           const ChildExit& exit, absl::string_view log);

}  // namespace holdfast::containerd
