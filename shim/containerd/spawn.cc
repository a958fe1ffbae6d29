#include "shim/containerd/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errors.h"
#include "base/unique_fd.h"

namespace holdfast::containerd {
namespace {

// What comes up the report pipe when a step did not succeed.
struct Failure {
  char step[8];
  int error_number;
};

// All that the child touches; made ready by the parent, whose memory it is.
struct ChildPlan {
  int fds[3];
  int report_fd;
  pid_t parent;
  std::vector<char*> argv;
  std::vector<char*> environment;
};

[[noreturn]] void Fail(const ChildPlan& plan, const char* step) {
  Failure failure = {{}, errno};
  strncpy(failure.step, step, sizeof failure.step - 1);
  (void)!write(plan.report_fd, &failure, sizeof failure);  // it is read
  _exit(127);
}

// The child's life before its program: only system calls.
[[noreturn]] void RunChild(const ChildPlan& plan) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) Fail(plan, "prctl");
  if (getppid() != plan.parent) _exit(127);  // it died before that
  for (int target = 0; target < 3; ++target) {
    if (dup2(plan.fds[target], target) < 0) Fail(plan, "dup2");
  }
  // Where the kernel has it; each of ours was born close-on-exec anyway.
  (void)syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC);
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) {
    (void)sigaction(signal, &action, nullptr);  // some may not be changed
  }
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(plan.argv[0], plan.argv.data(), plan.environment.data());
  Fail(plan, "exec");
}

bool IsForUsAlone(const char* variable) {
  // A runtime would tell systemd that we are ready, or take our sockets.
  return absl::StartsWith(variable, "NOTIFY_SOCKET=") ||
         absl::StartsWith(variable, "LISTEN_FDS=") ||
         absl::StartsWith(variable, "LISTEN_PID=");
}

// Above 2, where no dup2 of the child's lands on it.
absl::StatusOr<UniqueFd> CopyOf(int fd, int null_fd) {
  UniqueFd copy(fcntl(fd < 0 ? null_fd : fd, F_DUPFD_CLOEXEC, 3));
  if (!copy) return ErrnoStatus(errno, "fcntl F_DUPFD", absl::StrCat(fd));
  return copy;
}

pid_t StartChild(const ChildPlan& plan) {
  // No handler may run in the child, which shares our memory.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t pid = vfork();  // NOLINT(clang-analyzer-security*)
  if (pid == 0) RunChild(plan);
  const int error_number = errno;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  errno = error_number;
  return pid;
}

}  // namespace

absl::StatusOr<pid_t> Spawn(const std::vector<std::string>& argv, int in,
                            int out, int err) {
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return ErrnoStatus(errno, "open", "/dev/null");
  HOLDFAST_ASSIGN_OR_RETURN(const UniqueFd in_copy, CopyOf(in, null.get()));
  HOLDFAST_ASSIGN_OR_RETURN(const UniqueFd out_copy, CopyOf(out, null.get()));
  HOLDFAST_ASSIGN_OR_RETURN(const UniqueFd err_copy, CopyOf(err, null.get()));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return ErrnoStatus(errno, "pipe2", argv.front());
  }
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  HOLDFAST_ASSIGN_OR_RETURN(UniqueFd report, CopyOf(writer.get(), -1));
  writer.Reset();
  ChildPlan plan = {.fds = {in_copy.get(), out_copy.get(), err_copy.get()},
                    .report_fd = report.get(),
                    .parent = getpid(),
                    .argv = {},
                    .environment = {}};
  // execve takes char* and changes nothing.
  for (const std::string& argument : argv) {
    plan.argv.push_back(const_cast<char*>(argument.c_str()));
  }
  plan.argv.push_back(nullptr);
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!IsForUsAlone(*variable)) plan.environment.push_back(*variable);
  }
  plan.environment.push_back(nullptr);

  const pid_t pid = StartChild(plan);
  if (pid < 0) return ErrnoStatus(errno, "vfork", argv.front());
  report.Reset();
  Failure failure;
  ssize_t got;
  do {
    got = read(reader.get(), &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  if (got != sizeof failure) return pid;  // exec has closed the pipe
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return ErrnoStatus(failure.error_number, failure.step, argv.front());
}

absl::StatusOr<std::string> FindProgram(absl::string_view name,
                                        absl::string_view path) {
  if (absl::StrContains(name, '/')) return std::string(name);
  for (const absl::string_view directory : absl::StrSplit(path, ':')) {
    std::string candidate = absl::StrCat(directory, "/", name);
    struct stat status;
    if (!directory.empty() && stat(candidate.c_str(), &status) == 0 &&
        S_ISREG(status.st_mode) && access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return absl::NotFoundError(
      absl::StrCat("exec: \"", name, "\": executable file not found in $PATH"));
}

std::string SearchPath() {
  const char* const path = getenv("PATH");
  return path != nullptr ? path
                         : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                           "/sbin:/bin";
}

}  // namespace holdfast::containerd
