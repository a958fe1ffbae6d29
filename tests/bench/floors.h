#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "tests/bench/samples.h"

namespace holdfast::bench {

// The bare minimum of what an agent must do, on this machine and this disk,
// one sample at a time, so that what is compared is measured in turns: a disk
// that others write to is then slow for both. All in milliseconds.
class FloorMeter {
 public:
  // `directory` is on the disk that is measured.
  static absl::StatusOr<FloorMeter> Create(const std::string& directory);

  // One write of 256 bytes into a zero-filled file, and its fdatasync.
  absl::StatusOr<double> DurableWrite();
  // posix_spawn of a static program, then one durable write.
  absl::StatusOr<double> SpawnAndWrite();
  // SIGKILL to a child that sleeps, until it is reaped, then one durable write.
  absl::StatusOr<double> KillReapAndWrite();

 private:
  explicit FloorMeter(UniqueFd fd) : fd_(std::move(fd)) {}
  absl::Status WriteDurably();

  UniqueFd fd_;
  off_t offset_ = 0;
};

// connect() to so many unix sockets below `directory`, one after the other;
// `n` times.
absl::StatusOr<Samples> ConnectToAll(const std::string& directory, int sockets,
                                     int n);

}  // namespace holdfast::bench
