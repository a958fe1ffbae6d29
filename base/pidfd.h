#pragma once

#include <sys/types.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace holdfast {

// A process held by a descriptor: the number cannot come to mean another one.
class Pidfd {
 public:
  Pidfd() = default;
  Pidfd(pid_t pid, UniqueFd fd) : pid_(pid), fd_(std::move(fd)) {}

  // NotFound: there is no such process. Whoever got `pid` from anywhere but a
  // child of its own that it has not reaped checks the identity afterwards.
  static absl::StatusOr<Pidfd> Open(pid_t pid);

  pid_t pid() const { return pid_; }  // for reports; never to be signalled
  int fd() const { return fd_.get(); }
  explicit operator bool() const { return static_cast<bool>(fd_); }

  // NotFound: it has ended and was reaped.
  absl::Status Signal(int signal) const;

  // True when the process has ended, reaped or not.
  bool HasEnded() const;

 private:
  pid_t pid_ = -1;
  UniqueFd fd_;
};

// How one process differs from a later one with the same pid: the 22nd field
// of /proc/<pid>/stat, clock ticks since boot. NotFound: no such process.
absl::StatusOr<uint64_t> ReadStartTicks(pid_t pid);

}  // namespace holdfast
