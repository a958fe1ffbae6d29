#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/unique_fd.h"

namespace holdfast {

// One thread's loop over descriptors and timers. It sleeps until something is
// due: with no timer set it never wakes by itself. All calls but Post() and
// Stop() belong to the loop's thread (or to before Run()). Without Run(),
// threads may take turns with it under a lock of theirs: see RunNow().
class EventLoop {
 public:
  using TimerId = uint64_t;  // never 0, never reused

  // `clock` times the timers (SinceBoot) and outlives the loop.
  static absl::StatusOr<std::unique_ptr<EventLoop>> Create(
      const Clock& clock = SystemClock());
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Calls `callback(events)` whenever `fd` (borrowed) has any of `events`
  // (EPOLLIN …; EPOLLHUP and EPOLLERR always count). One watch a descriptor.
  // The callback may unwatch any descriptor, its own too.
  absl::Status Watch(int fd, uint32_t events,
                     std::function<void(uint32_t)> callback);
  // Changes what a watched descriptor is watched for.
  absl::Status Rewatch(int fd, uint32_t events);
  // Before the descriptor is closed. Nothing happens when it is not watched.
  void Unwatch(int fd);

  // Calls `callback` once, `delay` from now on CLOCK_BOOTTIME.
  TimerId After(absl::Duration delay, std::function<void()> callback);
  // Nothing happens when it has fired or was cancelled.
  void Cancel(TimerId timer);

  // Runs `task` on the loop's thread, in the order of the calls; from any
  // thread, the loop's own too (then: after the current callback). Tasks
  // posted after Run() returned are dropped with the loop.
  void Post(std::function<void()> task) ABSL_LOCKS_EXCLUDED(mutex_);

  // Until Stop(); what was posted before Stop() is run.
  void Run();
  // Handles what is ready now, waiting at most `timeout` for something (for
  // tests and for a loop within a call).
  void RunOnce(absl::Duration timeout);
  void Stop();  // from any thread

  // Runs `task`, as a callback is run, and then whatever is posted until
  // nothing is; nobody is woken for that.
  void RunNow(const std::function<void()>& task);
  // Readable when RunOnce() has something to do, after a RunNow(): for who
  // waits in poll(2) without the lock.
  int fd() const { return epoll_.get(); }

  const Clock& clock() const { return clock_; }

 private:
  struct Watched {
    int fd;
    std::function<void(uint32_t)> callback;
  };

  EventLoop(const Clock& clock, UniqueFd epoll, UniqueFd timer_fd,
            UniqueFd wake_fd);
  void Wait(int timeout_ms);
  void RunDueTimers();
  bool HasPosted() ABSL_LOCKS_EXCLUDED(mutex_);
  void RunPosted() ABSL_LOCKS_EXCLUDED(mutex_);
  void ArmTimerFd();

  const Clock& clock_;
  UniqueFd epoll_;
  UniqueFd timer_fd_;
  UniqueFd wake_fd_;
  std::atomic<bool> stop_ = false;
  // A watch is found by its own number, so that an event that was fetched
  // before its descriptor was unwatched (and its number reused) is dropped.
  uint64_t next_watch_ = 1;
  std::unordered_map<uint64_t, std::shared_ptr<Watched>> watches_;
  std::unordered_map<int, uint64_t> watch_of_fd_;
  TimerId next_timer_ = 1;
  std::map<std::pair<absl::Duration, TimerId>, std::function<void()>> timers_;
  std::unordered_map<TimerId, absl::Duration> due_of_timer_;
  absl::Duration armed_for_ = absl::InfiniteDuration();
  Mutex mutex_;
  std::vector<std::function<void()>> posted_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast
