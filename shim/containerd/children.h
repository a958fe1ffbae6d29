#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace holdfast::containerd {

// How a child ended.
struct ChildExit {
  int code = 0;    // of exit(2); where `signal` is 0
  int signal = 0;  // that killed it
  absl::Time at;

  // As containerd tells it: the code, or 128 + the signal.
  uint32_t status() const {
    return signal == 0 ? static_cast<uint32_t>(code)
                       : static_cast<uint32_t>(128 + signal);
  }
};

// All children of this process: commands that it runs, and what they leave to
// it as their subreaper, which a container's init and execs are. Everything is
// reaped here, and here alone.
//
// An init may end before its pid is known to whoever asked for it: while a Hold
// lives, the exits of children that nobody awaits are kept for a later Await.
class Children {
 public:
  using OnExit = std::function<void(const ChildExit&)>;

  // Makes this process a subreaper, and blocks SIGCHLD in it.
  static absl::StatusOr<std::unique_ptr<Children>> Create(EventLoop& loop);
  ~Children();

  class Hold {
   public:
    explicit Hold(Children& children);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    Children& children_;
  };

  // Calls `on_exit` once `pid`, our child or soon to be, has ended; from the
  // loop, also where it ended before during a Hold that still lives.
  void Await(pid_t pid, OnExit on_exit);
  // Nobody waits for it any more; it is reaped all the same.
  void Forget(pid_t pid);

 private:
  Children(EventLoop& loop, UniqueFd signals);
  void OnSignal();
  void Reap();
  void Deliver(pid_t pid);

  EventLoop& loop_;
  UniqueFd signals_;
  int holds_ = 0;
  std::map<pid_t, OnExit> awaited_;
  std::map<pid_t, ChildExit> kept_;
  // What was posted to the loop looks at this first.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace holdfast::containerd
