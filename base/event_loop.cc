#include "base/event_loop.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace holdfast {
namespace {

// Watch numbers start at 1; these two descriptors are the loop's own.
constexpr uint64_t kTimerEvent = ~uint64_t{0};
constexpr uint64_t kWakeEvent = ~uint64_t{0} - 1;

// The loop whose callbacks this thread runs: it looks at what is posted before
// it sleeps, and need not be woken.
thread_local const EventLoop* dispatching = nullptr;

absl::Status AddToEpoll(int epoll, int fd, uint32_t events, uint64_t number) {
  epoll_event event = {.events = events, .data = {.u64 = number}};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
    return ErrnoStatus(errno, "epoll_ctl add", absl::StrCat("fd ", fd));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<EventLoop>> EventLoop::Create(
    const Clock& clock) {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return ErrnoStatus(errno, "epoll_create1", "event loop");
  UniqueFd timer(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer) return ErrnoStatus(errno, "timerfd_create", "event loop");
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return ErrnoStatus(errno, "eventfd", "event loop");
  HOLDFAST_RETURN_IF_ERROR(
      AddToEpoll(epoll.get(), timer.get(), EPOLLIN, kTimerEvent));
  HOLDFAST_RETURN_IF_ERROR(
      AddToEpoll(epoll.get(), wake.get(), EPOLLIN, kWakeEvent));
  return std::unique_ptr<EventLoop>(new EventLoop(
      clock, std::move(epoll), std::move(timer), std::move(wake)));
}

EventLoop::EventLoop(const Clock& clock, UniqueFd epoll, UniqueFd timer_fd,
                     UniqueFd wake_fd)
    : clock_(clock),
      epoll_(std::move(epoll)),
      timer_fd_(std::move(timer_fd)),
      wake_fd_(std::move(wake_fd)) {}

EventLoop::~EventLoop() = default;

absl::Status EventLoop::Watch(int fd, uint32_t events,
                              std::function<void(uint32_t)> callback) {
  const uint64_t number = next_watch_++;
  HOLDFAST_RETURN_IF_ERROR(AddToEpoll(epoll_.get(), fd, events, number));
  watches_[number] =
      std::make_shared<Watched>(Watched{fd, std::move(callback)});
  watch_of_fd_[fd] = number;
  return absl::OkStatus();
}

absl::Status EventLoop::Rewatch(int fd, uint32_t events) {
  const auto found = watch_of_fd_.find(fd);
  if (found == watch_of_fd_.end()) {
    return absl::NotFoundError(absl::StrCat("rewatch fd ", fd, ": unwatched"));
  }
  epoll_event event = {.events = events, .data = {.u64 = found->second}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) {
    return ErrnoStatus(errno, "epoll_ctl mod", absl::StrCat("fd ", fd));
  }
  return absl::OkStatus();
}

void EventLoop::Unwatch(int fd) {
  const auto found = watch_of_fd_.find(fd);
  if (found == watch_of_fd_.end()) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  watches_.erase(found->second);
  watch_of_fd_.erase(found);
}

EventLoop::TimerId EventLoop::After(absl::Duration delay,
                                    std::function<void()> callback) {
  const TimerId id = next_timer_++;
  const absl::Duration due =
      clock_.SinceBoot() + std::max(delay, absl::ZeroDuration());
  timers_.emplace(std::make_pair(due, id), std::move(callback));
  due_of_timer_[id] = due;
  ArmTimerFd();
  return id;
}

void EventLoop::Cancel(TimerId timer) {
  const auto found = due_of_timer_.find(timer);
  if (found == due_of_timer_.end()) return;
  timers_.erase({found->second, timer});
  due_of_timer_.erase(found);
  ArmTimerFd();
}

void EventLoop::ArmTimerFd() {
  const absl::Duration due =
      timers_.empty() ? absl::InfiniteDuration() : timers_.begin()->first.first;
  if (due == armed_for_) return;
  armed_for_ = due;
  itimerspec spec = {};
  if (due != absl::InfiniteDuration()) {
    // A fake clock's due time means nothing to the kernel, and the delay does.
    // A zero value would disarm.
    spec.it_value = absl::ToTimespec(
        std::max(due - clock_.SinceBoot(), absl::Nanoseconds(1)));
  }
  timerfd_settime(timer_fd_.get(), 0, &spec, nullptr);
}

void EventLoop::RunDueTimers() {
  const absl::Duration now = clock_.SinceBoot();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto timer = timers_.extract(timers_.begin());
    due_of_timer_.erase(timer.key().second);
    timer.mapped()();
  }
  // The descriptor fired, so it is unarmed whatever we remember.
  armed_for_ = absl::InfiniteDuration();
  ArmTimerFd();
}

void EventLoop::Post(std::function<void()> task) {
  bool was_empty;
  {
    MutexLock lock(mutex_);
    was_empty = posted_.empty();
    posted_.push_back(std::move(task));
  }
  if (was_empty && dispatching != this) {
    const uint64_t one = 1;
    (void)!write(wake_fd_.get(), &one, sizeof one);  // can only be full: awake
  }
}

void EventLoop::RunPosted() {
  std::vector<std::function<void()>> tasks;
  {
    MutexLock lock(mutex_);
    tasks.swap(posted_);
  }
  for (const std::function<void()>& task : tasks) task();
}

bool EventLoop::HasPosted() {
  MutexLock lock(mutex_);
  return !posted_.empty();
}

void EventLoop::Wait(int timeout_ms) {
  epoll_event events[64];
  const int ready =
      epoll_wait(epoll_.get(), events, 64, HasPosted() ? 0 : timeout_ms);
  const EventLoop* const outer = std::exchange(dispatching, this);
  for (int i = 0; i < ready; ++i) {
    const uint64_t number = events[i].data.u64;
    uint64_t count;
    if (number == kTimerEvent) {
      (void)!read(timer_fd_.get(), &count, sizeof count);
      RunDueTimers();
    } else if (number == kWakeEvent) {
      (void)!read(wake_fd_.get(), &count, sizeof count);
    } else if (const auto found = watches_.find(number);
               found != watches_.end()) {
      // Held, since the callback may unwatch itself.
      const std::shared_ptr<Watched> watched = found->second;
      watched->callback(events[i].events);
    }
  }
  RunPosted();
  dispatching = outer;
}

void EventLoop::Run() {
  while (!stop_) Wait(/*timeout_ms=*/-1);
  RunPosted();
  stop_ = false;
}

void EventLoop::RunOnce(absl::Duration timeout) {
  Wait(static_cast<int>(
      absl::ToInt64Milliseconds(std::max(timeout, absl::ZeroDuration()))));
  RunDueTimers();
}

void EventLoop::RunNow(const std::function<void()>& task) {
  const EventLoop* const outer = std::exchange(dispatching, this);
  task();
  while (HasPosted()) RunPosted();
  dispatching = outer;
}

void EventLoop::Stop() {
  stop_ = true;
  Post([] {});
}

}  // namespace holdfast
