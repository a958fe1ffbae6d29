#include "shim/service/exit_status.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/files.h"

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

std::optional<int> StatusOfReaped(const Pidfd& process) {
  PidfdInfo info = {};
  info.mask = kInfoExit;
  if (ioctl(process.fd(), kGetInfo, &info) != 0) return std::nullopt;
  if ((info.mask & kInfoExit) == 0) return std::nullopt;
  return info.exit_code;
}

// To one who may not trace the process the kernel shows a status of 0, which
// would be an invention. The link of a zombie's program leads nowhere, but who
// may not trace it is refused before that is found out.
bool MayBeTold(const std::string& directory) {
  char target;
  return readlink(absl::StrCat(directory, "/exe").c_str(), &target, 1) >= 0 ||
         errno == ENOENT;
}

// From field 3 on, state, those of /proc/<pid>/stat: the second one is a name
// in parentheses and may hold anything.
constexpr size_t kState = 0;
constexpr size_t kStartTicks = 19;
constexpr size_t kExitCode = 49;

std::optional<int> StatusOfZombie(pid_t pid, uint64_t start_ticks) {
  const std::string directory = absl::StrCat("/proc/", pid);
  const absl::StatusOr<std::string> stat = ReadSmallFile(directory + "/stat");
  if (!stat.ok() || !MayBeTold(directory)) return std::nullopt;
  const size_t name_end = stat->rfind(") ");
  if (name_end == std::string::npos) return std::nullopt;
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(*stat).substr(name_end + 2), ' ');
  uint64_t ticks = 0;
  int status = 0;
  if (fields.size() <= kExitCode ||
      (fields[kState] != "Z" && fields[kState] != "X") ||
      !absl::SimpleAtoi(fields[kStartTicks], &ticks) || ticks != start_ticks ||
      !absl::SimpleAtoi(fields[kExitCode], &status)) {
    return std::nullopt;
  }
  return status;
}

std::optional<int> StatusOfOther(const Pidfd& process, uint64_t start_ticks) {
  std::optional<int> status = StatusOfReaped(process);
  if (!status) status = StatusOfZombie(process.pid(), start_ticks);
  // It was neither reaped at first nor a zombie then: it was reaped between.
  if (!status) status = StatusOfReaped(process);
  return status;
}

}  // namespace

v1::Exited LearnExit(const Pidfd& process, uint64_t start_ticks) {
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
  const std::optional<int> status = StatusOfOther(process, start_ticks);
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
