#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/unique_fd.h"

namespace holdfast::ctl {

// SIGINT and SIGTERM as something to wait for. Made while the process has one
// thread: those that come later must inherit the blocked signals.
class Interrupts {
 public:
  static absl::StatusOr<Interrupts> Take();

  // Absence::Pause: Cancelled when a signal is there, which stays there.
  absl::Status Pause(absl::Duration duration) const;

  // The next one, which must be there: SIGINT or SIGTERM.
  int Next() const;

  // Readable: a signal is there.
  int fd() const { return fd_.get(); }

 private:
  explicit Interrupts(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace holdfast::ctl
