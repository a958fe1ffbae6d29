#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/pidfd.h"
#include "tests/fakes/slowness.h"

namespace holdfast {

// A real process held by the test, whoever its parent is.
class ProcessWatch {
 public:
  // A failure of the test when there is no such process.
  explicit ProcessWatch(pid_t pid);

  pid_t pid() const { return process_.pid(); }
  bool Runs() const { return process_ && !process_.HasEnded(); }
  void Kill(int signal) const;

  // When it ended; InfiniteFuture and a failure of the test: it runs on.
  absl::Time WaitForEnd(absl::Duration timeout) const;

  // As WaitForEnd, of a process that fell to us when its parent died: an init
  // would reap it as well.
  void Reap(absl::Duration timeout) const;

 private:
  Pidfd process_;
};

// Asks until it holds; false: not within `timeout`.
bool Eventually(const std::function<bool()>& holds,
                absl::Duration timeout = absl::Seconds(20 * kSlowness));

// Waits until `pid` has a child: of a shell, what stands before that has been
// done, a trap for instance.
void AwaitChildOf(pid_t pid);

}  // namespace holdfast
