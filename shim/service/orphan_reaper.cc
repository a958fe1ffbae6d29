#include "shim/service/orphan_reaper.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "base/errors.h"

namespace holdfast::shim {

absl::StatusOr<std::unique_ptr<OrphanReaper>> OrphanReaper::Create(
    EventLoop& loop, std::function<pid_t()> executor) {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  if (sigprocmask(SIG_BLOCK, &child, nullptr) != 0) {
    return ErrnoStatus(errno, "sigprocmask", "SIGCHLD");
  }
  UniqueFd signals(signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return ErrnoStatus(errno, "signalfd", "SIGCHLD");
  std::unique_ptr<OrphanReaper> reaper(
      new OrphanReaper(loop, std::move(signals), std::move(executor)));
  OrphanReaper* const raw = reaper.get();
  HOLDFAST_RETURN_IF_ERROR(loop.Watch(raw->signals_.get(), EPOLLIN,
                                      [raw](uint32_t) { raw->OnSignal(); }));
  return reaper;
}

OrphanReaper::OrphanReaper(EventLoop& loop, UniqueFd signals,
                           std::function<pid_t()> executor)
    : loop_(loop),
      signals_(std::move(signals)),
      executor_(std::move(executor)) {}

OrphanReaper::~OrphanReaper() { loop_.Unwatch(signals_.get()); }

void OrphanReaper::OnSignal() {
  signalfd_siginfo signal;
  while (read(signals_.get(), &signal, sizeof signal) > 0) {
  }
  // One signal may stand for many children. The executor's own zombie, which
  // is not ours, would be found first each time: then the rest waits for the
  // next signal, or for our own end.
  for (;;) {
    siginfo_t found = {};
    constexpr int kPeek = WEXITED | WNOHANG | WNOWAIT;
    if (waitid(P_ALL, 0, &found, kPeek) != 0 || found.si_pid == 0) return;
    if (found.si_pid == executor_()) return;
    siginfo_t reaped;
    waitid(P_PID, static_cast<id_t>(found.si_pid), &reaped, WEXITED | WNOHANG);
  }
}

}  // namespace holdfast::shim
