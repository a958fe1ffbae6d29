#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/unique_fd.h"

namespace holdfast {

// How much of a stream is no longer in its files, so that a reader can count
// from the stream's first byte; kept beside them in <name>.position, which is
// there once a file was put away:
//   version %020u, space, dropped bytes %020u, newline
// An odd version: files are being renamed right now, look again.
struct LogPosition {
  uint64_t version = 0;
  uint64_t dropped_bytes = 0;
};

// Zeros where there is none, or none that can be read.
LogPosition ReadLogPosition(int directory_fd, const std::string& name);

// Not durable: after a power cut counting begins anew.
absl::Status WriteLogPosition(int directory_fd, const std::string& name,
                              const LogPosition& position);

}  // namespace holdfast
