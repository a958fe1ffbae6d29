#include "shim/containerd/children.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "base/errors.h"

namespace holdfast::containerd {

absl::StatusOr<std::unique_ptr<Children>> Children::Create(EventLoop& loop) {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
    return ErrnoStatus(errno, "prctl", "PR_SET_CHILD_SUBREAPER");
  }
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  if (sigprocmask(SIG_BLOCK, &child, nullptr) != 0) {
    return ErrnoStatus(errno, "sigprocmask", "SIGCHLD");
  }
  UniqueFd signals(signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return ErrnoStatus(errno, "signalfd", "SIGCHLD");
  std::unique_ptr<Children> children(new Children(loop, std::move(signals)));
  Children* const raw = children.get();
  HOLDFAST_RETURN_IF_ERROR(loop.Watch(raw->signals_.get(), EPOLLIN,
                                      [raw](uint32_t) { raw->OnSignal(); }));
  // Those whose signal came before there was anyone to take it.
  loop.Post([raw, alive = std::weak_ptr<bool>(raw->alive_)] {
    if (!alive.expired()) raw->Reap();
  });
  return children;
}

Children::Children(EventLoop& loop, UniqueFd signals)
    : loop_(loop), signals_(std::move(signals)) {}

Children::~Children() { loop_.Unwatch(signals_.get()); }

Children::Hold::Hold(Children& children) : children_(children) {
  ++children_.holds_;
}

Children::Hold::~Hold() {
  if (--children_.holds_ > 0) return;
  std::erase_if(children_.kept_, [this](const auto& kept) {
    return children_.awaited_.count(kept.first) == 0;  // else: being delivered
  });
}

void Children::Await(pid_t pid, OnExit on_exit) {
  awaited_[pid] = std::move(on_exit);
  if (kept_.count(pid) == 0) return;
  // A child of that number is another one than whose exit was kept.
  siginfo_t living = {};
  const auto number = static_cast<id_t>(pid);
  if (waitid(P_PID, number, &living, WEXITED | WNOHANG | WNOWAIT) == 0) {
    kept_.erase(pid);
    return;
  }
  loop_.Post([this, pid, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) Deliver(pid);
  });
}

void Children::Forget(pid_t pid) {
  awaited_.erase(pid);
  if (holds_ == 0) kept_.erase(pid);
}

void Children::Deliver(pid_t pid) {
  const auto kept = kept_.extract(pid);
  const auto awaited = awaited_.extract(pid);
  if (!kept.empty() && !awaited.empty()) awaited.mapped()(kept.mapped());
}

void Children::OnSignal() {
  signalfd_siginfo signal;
  while (read(signals_.get(), &signal, sizeof signal) > 0) {
  }
  Reap();
}

void Children::Reap() {
  // One signal may stand for many children. A callback may end us.
  const std::weak_ptr<bool> alive = alive_;
  while (!alive.expired()) {
    siginfo_t ended = {};
    if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG) != 0) {
      if (errno == EINTR) continue;
      return;  // ECHILD: there are none
    }
    if (ended.si_pid == 0) return;
    ChildExit exit;
    (ended.si_code == CLD_EXITED ? exit.code : exit.signal) = ended.si_status;
    exit.at = loop_.clock().Now();
    if (awaited_.count(ended.si_pid) == 0 && holds_ == 0) continue;
    kept_[ended.si_pid] = exit;
    if (awaited_.count(ended.si_pid) != 0) Deliver(ended.si_pid);
  }
}

}  // namespace holdfast::containerd
