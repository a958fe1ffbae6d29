#pragma once

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace holdfast {

// A child that has just this pid, as a process has that comes after another's
// end; it runs until it is killed. Negative, with errno: EPERM without
// CAP_SYS_ADMIN, EEXIST where there is one.
inline pid_t ForkAs(pid_t pid) {
  clone_args args = {};
  args.exit_signal = SIGCHLD;
  args.set_tid = reinterpret_cast<uint64_t>(&pid);
  args.set_tid_size = 1;
  const auto child =
      static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
  if (child != 0) return child;
  for (;;) pause();
}

}  // namespace holdfast
