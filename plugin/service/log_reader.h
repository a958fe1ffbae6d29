#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace holdfast {

// Reads one stream of an executor's output across its rotated files, while its
// shim may be writing and renaming them (shim/output/log_files.h). Offsets
// count from the stream's first byte ever.
class LogReader {
 public:
  struct Chunk {
    std::string data;            // empty: nothing more now
    uint64_t offset = 0;         // of its first byte
    uint64_t skipped_bytes = 0;  // rotated away before we came to them
  };

  LogReader(std::string directory, std::string name, uint64_t offset)
      : directory_(std::move(directory)),
        name_(std::move(name)),
        offset_(offset) {}

  // At most `most` bytes that follow what was read before. NotFound: there is
  // no such directory (any more).
  absl::StatusOr<Chunk> Read(size_t most);

 private:
  const std::string directory_;
  const std::string name_;
  uint64_t offset_;
};

}  // namespace holdfast
