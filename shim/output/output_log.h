#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace holdfast::shim {

struct OutputBounds {
  uint64_t max_file_bytes = 16 * 1024 * 1024;
  uint32_t max_files = 8;  // the current one included
};

// One stream of an executor's output: what comes out of `pipe` goes to
// <directory>/<name>, which is renamed to <name>.1 when it is full (and .1 to
// .2, …; the one past `max_files` is removed). The task is never blocked: the
// pipe is read as fast as it fills, and what a full or failing disk refuses is
// dropped, counted, and said in the log itself when it can be written again
// ("[holdfast: 123 bytes of output lost: No space left on device]\n").
// Bytes go from pipe to file by splice(2), at most a bounded amount in each
// turn of the loop, so that one chatty stream cannot starve the rest.
class OutputLog {
 public:
  static absl::StatusOr<std::unique_ptr<OutputLog>> Create(
      EventLoop& loop, UniqueFd pipe, std::string directory, std::string name,
      OutputBounds bounds);
  ~OutputLog();

  // Makes the file now, if nothing was written yet.
  void Touch();

  // Takes what is in the pipe now, to its last byte; the executor and all that
  // could write are gone. The first error that lost bytes, if any.
  absl::Status Drain();
  // What was written is on disk (fdatasync). Nothing written: costs nothing.
  absl::Status Sync();

  uint64_t written_bytes() const;
  uint64_t lost_bytes() const;

 private:
  class Impl;
  explicit OutputLog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::shim
