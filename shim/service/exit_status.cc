#include "shim/service/exit_status.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <cstdint>

namespace holdfast::shim {
namespace {

// linux/pidfd.h of Debian 12 does not know it yet. The size is part of the
// request's number: this is the first version of the structure, 64 bytes.
struct PidfdInfo {
  uint64_t mask;
  uint64_t cgroup_id;
  uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
  int32_t exit_code;
};
static_assert(sizeof(PidfdInfo) == 64);

constexpr unsigned long kGetInfo = _IOWR(0xFF, 11, PidfdInfo);
constexpr uint64_t kInfoExit = 1 << 3;

// init reaps at once; this is for a busy machine.
constexpr int kTries = 50;
constexpr int kTryMs = 1;

}  // namespace

std::optional<int> ReadExitStatusOfOther(const Pidfd& process) {
  for (int i = 0; i < kTries; ++i) {
    PidfdInfo info = {};
    info.mask = kInfoExit;
    if (ioctl(process.fd(), kGetInfo, &info) == 0 &&
        (info.mask & kInfoExit) != 0) {
      return info.exit_code;
    }
    poll(nullptr, 0, kTryMs);
  }
  return std::nullopt;
}

v1::Exited LearnExit(const Pidfd& process) {
  v1::Exited exited;
  siginfo_t info = {};
  if (waitid(P_PIDFD, static_cast<id_t>(process.fd()), &info, WEXITED) == 0) {
    if (info.si_code == CLD_EXITED) {
      exited.set_exit_code(info.si_status);
    } else {
      exited.set_signal(info.si_status);
    }
    return exited;
  }
  const std::optional<int> status = ReadExitStatusOfOther(process);
  if (!status) {
    exited.set_message("its shim had died, and only a parent is told");
  } else if (WIFEXITED(*status)) {
    exited.set_exit_code(WEXITSTATUS(*status));
  } else {
    exited.set_signal(WTERMSIG(*status));
  }
  return exited;
}

}  // namespace holdfast::shim
