#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace holdfast::ctl {

// Every byte, also to a pipe that is full or was made non-blocking by the
// one who shares it. An error names the stream: "write stdout: Broken pipe".
// Aborted: the reader has left. Internal: anything else. Never Unavailable,
// which would be an agent's.
absl::Status WriteAll(int fd, absl::string_view bytes);

// To stdout.
absl::Status Print(absl::string_view text);

}  // namespace holdfast::ctl
