#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace holdfast {

// `path` of the flag from the root, without a slash at its end: children are
// given it, and they may stand elsewhere. InvalidArgument: it is empty.
absl::StatusOr<std::string> AbsolutePath(const std::string& flag,
                                         const std::string& path);

// InvalidArgument: a unix socket in it would have too long a path.
absl::Status CheckSocketPath(const std::string& runtime_dir);

// The path of `name` in the directory of this process's program.
std::string BesideThisProgram(const std::string& name);

}  // namespace holdfast
