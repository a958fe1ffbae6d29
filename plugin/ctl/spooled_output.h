#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "plugin/ctl/found_tasks.h"

namespace holdfast::ctl {

// What is spooled of one stream of a task of containerd's: what its reader has
// not taken yet, in the file at `path` (shim/containerd/io/spool.h), which its
// shim goes on writing to and emptying. What was taken is given back to the
// file system in pieces, so that up to 256 KiB of it may still come first.
// `sink` gets the bytes, in order; answers how many there were, 0 without a
// file. An error: the sink's, or from the system.
absl::StatusOr<uint64_t> CopySpool(
    const std::string& path,
    const std::function<absl::Status(absl::string_view)>& sink);

// Who has the rest, for a person: "default/web writes to …".
std::string WhereOutputGoes(const FoundTask& task);

}  // namespace holdfast::ctl
