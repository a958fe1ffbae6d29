#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/pidfd.h"

namespace holdfast::hack {

// A child in a process group of its own, so that a Ctrl-C on the terminal
// reaches us alone and we decide what becomes of it.
class ChildProcess {
 public:
  // Starts argv[0] with stdin from /dev/null; stdout and stderr are appended
  // to `log_path`.
  static absl::StatusOr<ChildProcess> Spawn(
      const std::vector<std::string>& argv, const std::string& log_path);

  pid_t pid() const { return pidfd_.pid(); }
  absl::Status Signal(int signal) const { return pidfd_.Signal(signal); }

  // Reaps it. DeadlineExceeded: it still runs. The result is waitid(2)'s:
  // "exited 0", "killed by signal 9".
  absl::StatusOr<std::string> Wait(absl::Duration timeout);

 private:
  explicit ChildProcess(Pidfd pidfd) : pidfd_(std::move(pidfd)) {}

  Pidfd pidfd_;
};

}  // namespace holdfast::hack
