#include "shim/executor/child_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/executor/capabilities.h"

// User and groups are set by plain system calls: libc's own setters signal
// every thread that it knows of, and the copy of a threaded process has none
// of those.

namespace holdfast::shim {
namespace {

constexpr int kLastSignal = 64;

[[noreturn]] void Report(int report_fd, LaunchStep step, int index,
                         int error_number) {
  const StepFailure failure = {step, index, error_number};
  (void)!write(report_fd, &failure, sizeof failure);  // its reader waits for it
  _exit(127);
}

class Child {
 public:
  explicit Child(const ChildSetup& setup) : setup_(setup) {}

  void JoinGroups() {
    int index = 0;
    for (const int fd : setup_.join_fds) {
      if (write(fd, "0", 1) != 1) Fail(LaunchStep::kJoin, index);
      ++index;
    }
    if (setup_.cgroup_procs_fd >= 0 &&
        write(setup_.cgroup_procs_fd, "0", 1) != 1) {
      Fail(LaunchStep::kCgroup);
    }
  }

  void LeaveTheShim() {
    if (setsid() < 0) Fail(LaunchStep::kSession);
    umask(022);
    // A handler falls back to the default by exec, "ignored" does not.
    struct sigaction action = {};
    action.sa_handler = SIG_DFL;
    for (int signal = 1; signal <= kLastSignal; ++signal) {
      // EINVAL: SIGKILL, SIGSTOP and the two that libc keeps for itself.
      if (sigaction(signal, &action, nullptr) != 0 && errno != EINVAL) {
        Fail(LaunchStep::kSignals, signal);
      }
    }
  }

  void TakeFds() {
    const int fds[] = {setup_.stdin_fd, setup_.stdout_fd, setup_.stderr_fd};
    for (int target = 0; target < 3; ++target) {
      if (dup2(fds[target], target) < 0) Fail(LaunchStep::kStdio);
    }
    if (syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC) != 0) {
      Fail(LaunchStep::kCloseFds);
    }
  }

  // The shim may be spared by the OOM killer; its executor is not.
  void ResetOomScore() {
    // EACCES: a shim without privileges that was started with more than 0, or
    // that may not touch its own /proc; it cannot have been spared either.
    const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0 && errno == EACCES) return;
    if (fd < 0) Fail(LaunchStep::kOomScore);
    if (write(fd, "0", 1) != 1 && errno != EACCES) Fail(LaunchStep::kOomScore);
    close(fd);
  }

  void SetLimits() {
    int index = 0;
    for (const ChildSetup::Limit& limit : setup_.limits) {
      if (syscall(SYS_prlimit64, 0, limit.resource, &limit.value, nullptr) !=
          0) {
        Fail(LaunchStep::kLimit, index);
      }
      ++index;
    }
  }

  void EnterDirectory() {
    if (setup_.working_directory == nullptr) return;
    if (chdir(setup_.working_directory) == 0) return;
    chdir_again_ = errno == EACCES && setup_.change_user;
    if (!chdir_again_) Fail(LaunchStep::kChdir);
  }

  void BecomeUser() {
    if (const int error_number = CutBoundingSet(setup_.root)) {
      Fail(LaunchStep::kBoundingSet, -1, error_number);
    }
    if (setup_.change_user) SetIds();
    if (const int error_number = CutCapabilities(setup_.root)) {
      Fail(LaunchStep::kCapabilities, -1, error_number);
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
      Fail(LaunchStep::kNoNewPrivs);
    }
    if (chdir_again_ && chdir(setup_.working_directory) != 0) {
      Fail(LaunchStep::kChdir);
    }
  }

  [[noreturn]] void Exec() {
    sigset_t none;
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, nullptr) != 0) {
      Fail(LaunchStep::kSignals);
    }
    int denied = -1;
    int error_number = ENOENT;
    for (size_t i = 0; i < setup_.candidates.size(); ++i) {
      execve(setup_.candidates[i], setup_.argv.data(),
             setup_.environment.data());
      error_number = errno;
      if (error_number == EACCES) {
        if (denied < 0) denied = static_cast<int>(i);
      } else if (error_number != ENOENT && error_number != ENOTDIR) {
        Fail(LaunchStep::kExec, static_cast<int>(i), error_number);
      }
    }
    if (denied >= 0) Fail(LaunchStep::kExec, denied, EACCES);
    Fail(LaunchStep::kExec, -1, error_number);
  }

 private:
  void SetIds() {
    if (syscall(SYS_setgroups, setup_.groups->size(), setup_.groups->data()) !=
        0) {
      Fail(LaunchStep::kGroups);
    }
    if (syscall(SYS_setresgid, setup_.gid, setup_.gid, setup_.gid) != 0) {
      Fail(LaunchStep::kGid);
    }
    if (syscall(SYS_setresuid, setup_.uid, setup_.uid, setup_.uid) != 0) {
      Fail(LaunchStep::kUid);
    }
  }

  [[noreturn]] void Fail(LaunchStep step, int index = -1) {
    Fail(step, index, errno);
  }
  [[noreturn]] void Fail(LaunchStep step, int index, int error_number) {
    Report(setup_.report_fd, step, index, error_number);
  }

  const ChildSetup& setup_;
  bool chdir_again_ = false;  // as the user, who may where the shim may not
};

}  // namespace

const char* StepName(LaunchStep step) {
  switch (step) {
    case LaunchStep::kStdio:
      return "stdio";
    case LaunchStep::kReportPipe:
      return "pipe";
    case LaunchStep::kJoin:
      return "join";
    case LaunchStep::kCgroup:
      return "cgroup";
    case LaunchStep::kClone:
      return "clone";
    case LaunchStep::kSession:
      return "setsid";
    case LaunchStep::kSignals:
      return "signals";
    case LaunchStep::kCloseFds:
      return "close_range";
    case LaunchStep::kOomScore:
      return "oom_score_adj";
    case LaunchStep::kLimit:
      return "setrlimit";
    case LaunchStep::kBoundingSet:
      return "bounding_set";
    case LaunchStep::kChdir:
      return "chdir";
    case LaunchStep::kGroups:
      return "setgroups";
    case LaunchStep::kGid:
      return "setgid";
    case LaunchStep::kUid:
      return "setuid";
    case LaunchStep::kCapabilities:
      return "capabilities";
    case LaunchStep::kNoNewPrivs:
      return "no_new_privs";
    case LaunchStep::kExec:
      return "exec";
  }
  return "?";
}

void RunChild(const ChildSetup& setup) {
  Child child(setup);
  child.JoinGroups();
  child.LeaveTheShim();
  child.TakeFds();
  child.ResetOomScore();
  child.SetLimits();
  child.EnterDirectory();
  child.BecomeUser();
  child.Exec();
}

}  // namespace holdfast::shim
