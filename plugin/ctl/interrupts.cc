#include "plugin/ctl/interrupts.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/errors.h"

namespace holdfast::ctl {

absl::StatusOr<Interrupts> Interrupts::Take() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM}) {
    sigaddset(&signals, number);
    // A shell starts what it puts in the background with SIGINT ignored, and
    // an ignored signal reaches no signalfd.
    if (signal(number, SIG_DFL) == SIG_ERR) {
      return ErrnoStatus(errno, "signal", "SIG_DFL");
    }
  }
  if (const int error = pthread_sigmask(SIG_BLOCK, &signals, nullptr)) {
    return ErrnoStatus(error, "pthread_sigmask", "SIGINT, SIGTERM");
  }
  UniqueFd fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return ErrnoStatus(errno, "signalfd", "SIGINT, SIGTERM");
  return Interrupts(std::move(fd));
}

absl::Status Interrupts::Pause(absl::Duration duration) const {
  pollfd readable = {.fd = fd_.get(), .events = POLLIN, .revents = 0};
  const int ready =
      poll(&readable, 1, static_cast<int>(absl::ToInt64Milliseconds(duration)));
  if (ready <= 0) return absl::OkStatus();  // EINTR: a short pause, no harm
  return absl::CancelledError("interrupted");
}

int Interrupts::Next() const {
  signalfd_siginfo info = {};
  if (read(fd_.get(), &info, sizeof(info)) != sizeof(info)) return SIGINT;
  return static_cast<int>(info.ssi_signo);
}

}  // namespace holdfast::ctl
