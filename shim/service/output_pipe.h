#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "api/records.pb.h"
#include "base/unique_fd.h"

namespace holdfast::shim {

// The pipe of an executor's stdout or stderr.
struct OutputPipe {
  UniqueFd ours;       // does not block
  UniqueFd executors;  // reads too
};

// Makes the pipe at `path`, or opens the one that a former shim has made. It
// has a name, and both ends are open on both sides: when a shim dies its
// executor gets no SIGPIPE, and the next shim reads on where it stopped.
absl::StatusOr<OutputPipe> OpenOutputPipe(const std::string& path,
                                          const v1::LaunchSpec& spec);

}  // namespace holdfast::shim
