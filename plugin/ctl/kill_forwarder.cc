#include "plugin/ctl/kill_forwarder.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "plugin/ctl/failure.h"

namespace holdfast::ctl {
namespace {

constexpr int kRetryMs = 200;

}  // namespace

KillForwarder::KillForwarder(const Interrupts& interrupts, Client client,
                             v1::KillTaskRequest request)
    : interrupts_(interrupts),
      client_(std::move(client)),
      request_(std::move(request)),
      stop_(eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Forward(); }) {}

KillForwarder::~KillForwarder() {
  // Without an eventfd (no fds left) the thread ended at once.
  (void)eventfd_write(stop_.get(), 1);
  thread_.join();
}

void KillForwarder::Forward() {
  for (int signals = 0;;) {
    const Wakeup wakeup = Wait(-1);
    if (wakeup == Wakeup::kStop) return;
    if (wakeup == Wakeup::kNothing) continue;
    const int number = interrupts_.Next();
    if (++signals == 3) {
      Say(absl::StrCat("left ", request_.task_id(), " to its end"));
      _exit(kExitSignalBase + number);
    }
    if (signals == 2) request_.mutable_grace_period()->Clear();
    Kill();
  }
}

void KillForwarder::Kill() {
  for (bool told = false;;) {
    const absl::Status status =
        client_.Call(&Client::Stub::KillTask, request_).status();
    if (status.ok()) return;
    if (!IsAway(status)) {
      Say(About(status, absl::StrCat("kill ", request_.task_id())).message());
      return;
    }
    if (!std::exchange(told, true)) {
      Say("the kill is sent as soon as the agent answers");
    }
    if (Wait(kRetryMs) != Wakeup::kNothing) return;  // Forward() sees it again
  }
}

KillForwarder::Wakeup KillForwarder::Wait(int timeout_ms) const {
  pollfd fds[] = {
      {.fd = stop_.get(), .events = POLLIN, .revents = 0},
      {.fd = interrupts_.fd(), .events = POLLIN, .revents = 0},
  };
  if (!stop_) return Wakeup::kStop;
  // Every signal that could cut this short is blocked, or ends the process.
  if (poll(fds, 2, timeout_ms) <= 0) return Wakeup::kNothing;
  return fds[0].revents != 0 ? Wakeup::kStop : Wakeup::kSignal;
}

}  // namespace holdfast::ctl
