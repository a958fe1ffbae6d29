#include "base/pidfd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errors.h"
#include "base/files.h"

namespace holdfast {

absl::StatusOr<Pidfd> Pidfd::Open(pid_t pid) {
  // glibc 2.36 declares pidfd_open for C alone.
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) return ErrnoStatus(errno, "pidfd_open", absl::StrCat(pid));
  return Pidfd(pid, std::move(fd));
}

absl::Status Pidfd::Signal(int signal) const {
  if (syscall(SYS_pidfd_send_signal, fd_.get(), signal, nullptr, 0) != 0) {
    return ErrnoStatus(errno, "pidfd_send_signal", absl::StrCat(pid_));
  }
  return absl::OkStatus();
}

bool Pidfd::HasEnded() const {
  pollfd watched = {.fd = fd_.get(), .events = POLLIN, .revents = 0};
  return poll(&watched, 1, 0) == 1;
}

absl::StatusOr<uint64_t> ReadStartTicks(pid_t pid) {
  const std::string path = absl::StrCat("/proc/", pid, "/stat");
  HOLDFAST_ASSIGN_OR_RETURN(const std::string stat, ReadSmallFile(path));
  // The second field is the command in parentheses and may hold anything, so
  // counting starts after the last one: field 3 is then the first.
  const size_t comm_end = stat.rfind(") ");
  uint64_t start_ticks = 0;
  if (comm_end != std::string::npos) {
    std::vector<absl::string_view> fields =
        absl::StrSplit(absl::string_view(stat).substr(comm_end + 2), ' ');
    if (fields.size() > 19 && absl::SimpleAtoi(fields[19], &start_ticks)) {
      return start_ticks;
    }
  }
  return absl::InternalError(absl::StrCat("read ", path, ": no start time"));
}

}  // namespace holdfast
