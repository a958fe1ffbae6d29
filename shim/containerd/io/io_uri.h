#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace holdfast::containerd {

// What containerd writes for one of a process's three streams:
//   ""                           /dev/null
//   "/path", "fifo:///path"      a FIFO; a bare path may also be a file
//   "file:///path"               a file that is appended to, and made
//   "binary:///program?k=v&k2"   a logger; k, v, k2 and "" are its arguments
//   "binary-v2:///program?…"     one that says a byte when it is ready
struct IoUri {
  enum class Kind { kNull, kFifo, kFile, kBinary };

  Kind kind = Kind::kNull;
  std::string path;
  std::vector<std::string> arguments;  // of a logger
  bool says_ready = false;             // a logger's end of file is not enough
};

// InvalidArgument: a scheme that we do not know, or no absolute path after it.
absl::StatusOr<IoUri> ParseIoUri(absl::string_view text);

}  // namespace holdfast::containerd
