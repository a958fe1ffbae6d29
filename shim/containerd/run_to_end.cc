#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "shim/containerd/memory_file.h"
#include "shim/containerd/oci_command.h"
#include "shim/containerd/runtime_error.h"
#include "shim/containerd/spawn.h"

namespace holdfast::containerd {
namespace {

// Whether it ended by itself; it is reaped all the same.
absl::StatusOr<ChildExit> AwaitOrKill(pid_t pid, absl::Duration timeout) {
  bool killed = false;
  if (const absl::StatusOr<Pidfd> held = Pidfd::Open(pid); held.ok()) {
    pollfd ended = {.fd = held->fd(), .events = POLLIN, .revents = 0};
    const auto milliseconds = static_cast<int>(
        absl::ToInt64Milliseconds(absl::Ceil(timeout, absl::Milliseconds(1))));
    killed = poll(&ended, 1, milliseconds) == 0;
  }
  if (killed) kill(pid, SIGKILL);  // its pid is still its own: not reaped yet
  siginfo_t info = {};
  while (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) != 0) {
    if (errno != EINTR) return ErrnoStatus(errno, "waitid", absl::StrCat(pid));
  }
  if (killed) {
    return absl::DeadlineExceededError(
        absl::StrCat("no end within ", absl::FormatDuration(timeout)));
  }
  ChildExit exit;
  (info.si_code == CLD_EXITED ? exit.code : exit.signal) = info.si_status;
  return exit;
}

}  // namespace

absl::StatusOr<std::string> OciRuntime::RunToEnd(
    const Options& options, const std::vector<std::string>& arguments,
    absl::Duration timeout) {
  const std::string& command = arguments.front();
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> argv,
                            RuntimeCommandLine(options, "", arguments));
  HOLDFAST_ASSIGN_OR_RETURN(const UniqueFd out, MemoryFile());
  HOLDFAST_ASSIGN_OR_RETURN(const UniqueFd err, MemoryFile());
  HOLDFAST_ASSIGN_OR_RETURN(const pid_t pid,
                            Spawn(argv, -1, out.get(), err.get()));
  const absl::StatusOr<ChildExit> exit = AwaitOrKill(pid, timeout);
  if (!exit.ok()) {
    return Annotate(exit.status(), absl::StrCat("OCI runtime ", command));
  }
  HOLDFAST_RETURN_IF_ERROR(
      RuntimeStatus(command, arguments.back(), *exit, ContentOf(err.get())));
  return ContentOf(out.get());
}

}  // namespace holdfast::containerd
