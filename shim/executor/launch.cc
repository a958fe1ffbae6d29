#include "shim/executor/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/failpoint.h"
#include "shim/executor/child_setup.h"
#include "shim/executor/launch_error.h"

namespace holdfast::shim {
namespace {

// What ChildSetup borrows.
struct Prepared {
  ChildSetup setup;
  UniqueFd report_reader;
  std::vector<UniqueFd> owned;
};

absl::StatusOr<int> Own(Prepared& prepared, int fd, LaunchStep step,
                        const std::string& object) {
  if (fd < 0) return LaunchError(step, object, errno);
  prepared.owned.emplace_back(fd);
  return fd;
}

// A copy above 2, where no dup2 of the child's lands on it.
absl::StatusOr<int> StdioCopy(Prepared& prepared, int fd, int null_fd,
                              const std::string& object) {
  return Own(prepared, fcntl(fd < 0 ? null_fd : fd, F_DUPFD_CLOEXEC, 3),
             LaunchStep::kStdio, object);
}

absl::Status PrepareFds(const LaunchPlan& plan, Prepared& prepared) {
  ChildSetup& setup = prepared.setup;
  HOLDFAST_ASSIGN_OR_RETURN(const int null_fd,
                            Own(prepared, open("/dev/null", O_RDWR | O_CLOEXEC),
                                LaunchStep::kStdio, "/dev/null"));
  HOLDFAST_ASSIGN_OR_RETURN(setup.stdin_fd,
                            StdioCopy(prepared, null_fd, null_fd, "stdin"));
  HOLDFAST_ASSIGN_OR_RETURN(
      setup.stdout_fd, StdioCopy(prepared, plan.stdout_fd, null_fd, "stdout"));
  HOLDFAST_ASSIGN_OR_RETURN(
      setup.stderr_fd, StdioCopy(prepared, plan.stderr_fd, null_fd, "stderr"));
  for (const std::string& path : plan.join_files) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const int fd, Own(prepared, open(path.c_str(), O_WRONLY | O_CLOEXEC),
                          LaunchStep::kJoin, path));
    setup.join_fds.push_back(fd);
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return LaunchError(LaunchStep::kReportPipe, "of the launch", errno);
  }
  prepared.report_reader = UniqueFd(ends[0]);
  const UniqueFd writer(ends[1]);
  HOLDFAST_ASSIGN_OR_RETURN(setup.report_fd,
                            Own(prepared, fcntl(ends[1], F_DUPFD_CLOEXEC, 3),
                                LaunchStep::kReportPipe, "of the launch"));
  return absl::OkStatus();
}

std::vector<char*> WithNull(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  // execve takes char* and changes nothing.
  for (const std::string& string : strings) {
    pointers.push_back(const_cast<char*>(string.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

void PrepareValues(const LaunchPlan& plan, ChildSetup& setup) {
  setup.cgroup_procs_fd = -1;
  for (const LaunchPlan::Limit& limit : plan.limits) {
    setup.limits.push_back({limit.resource, {limit.soft, limit.hard}});
  }
  setup.working_directory =
      plan.working_directory.empty() ? nullptr : plan.working_directory.c_str();
  setup.change_user = plan.change_user;
  setup.uid = plan.uid;
  setup.gid = plan.gid;
  setup.groups = &plan.groups;
  setup.root = (plan.change_user ? plan.uid : geteuid()) == 0;
  for (const std::string& path : plan.search_path) {
    setup.candidates.push_back(path.c_str());
  }
  if (plan.search_path.empty()) {
    setup.candidates.push_back(plan.argv.front().c_str());
  }
  setup.argv = WithNull(plan.argv);
  setup.environment = WithNull(plan.environment);
}

struct Cloned {
  pid_t pid;  // 0: in the child, -1: errno says why not
  int pidfd;
};

// Straight into the cgroup, so that not even the first fork escapes it.
Cloned CloneInto(int cgroup_fd) {
  Cloned cloned = {-1, -1};
  clone_args args = {};
  args.flags = CLONE_PIDFD | CLONE_INTO_CGROUP;
  args.pidfd = reinterpret_cast<uint64_t>(&cloned.pidfd);
  args.exit_signal = SIGCHLD;
  args.cgroup = static_cast<uint64_t>(cgroup_fd);
  cloned.pid = static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
  return cloned;
}

// For kernels and sandboxes without clone3, and launches without a cgroup.
Cloned ClonePlainly() {
  Cloned cloned = {-1, -1};
  cloned.pid = static_cast<pid_t>(
      syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &cloned.pidfd, 0, 0));
  return cloned;
}

bool CannotPlace(int error_number) {
  return error_number == EOPNOTSUPP || error_number == EINVAL ||
         error_number == ENOSYS || error_number == E2BIG;
}

// The child never returns from here.
absl::StatusOr<Pidfd> CloneChild(const LaunchPlan& plan, Prepared& prepared) {
  const std::string& group = plan.cgroup_directory;
  Cloned cloned = {-1, -1};
  bool placed = false;
  if (!group.empty()) {
    const UniqueFd cgroup(
        open(group.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!cgroup) return LaunchError(LaunchStep::kCgroup, group, errno);
    cloned = CloneInto(cgroup.get());
    placed = cloned.pid >= 0;
    if (!placed && !CannotPlace(errno)) {
      return LaunchError(LaunchStep::kClone, absl::StrCat("into ", group),
                         errno);
    }
    if (!placed) {
      HOLDFAST_ASSIGN_OR_RETURN(
          prepared.setup.cgroup_procs_fd,
          Own(prepared,
              openat(cgroup.get(), "cgroup.procs", O_WRONLY | O_CLOEXEC),
              LaunchStep::kCgroup, absl::StrCat(group, "/cgroup.procs")));
    }
  }
  if (!placed) cloned = ClonePlainly();
  if (cloned.pid < 0) {
    return LaunchError(LaunchStep::kClone, plan.argv.front(), errno);
  }
  if (cloned.pid == 0) RunChild(prepared.setup);
  return Pidfd(cloned.pid, UniqueFd(cloned.pidfd));
}

// No handler of ours may run in the child; it ends this for itself.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// OK at the end of file: exec has closed the pipe.
absl::Status AwaitExec(const LaunchPlan& plan, const Prepared& prepared) {
  StepFailure failure;
  ssize_t got;
  do {
    got = read(prepared.report_reader.get(), &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return absl::OkStatus();
  if (got != sizeof failure) {
    return LaunchError(LaunchStep::kReportPipe, "of the launch",
                       got < 0 ? errno : EIO);
  }
  return LaunchError(plan, failure);
}

void Reap(const Pidfd& child) {
  (void)child.Signal(SIGKILL);  // it is ending, or its pipe is unreadable
  siginfo_t ignored;
  while (waitid(P_PIDFD, static_cast<id_t>(child.fd()), &ignored, WEXITED) !=
             0 &&
         errno == EINTR) {
  }
}

}  // namespace

absl::StatusOr<Pidfd> Launch(const LaunchPlan& plan) {
  if (plan.argv.empty()) {
    return LaunchError(LaunchStep::kExec, "an empty argv", EINVAL);
  }
  Prepared prepared;
  HOLDFAST_RETURN_IF_ERROR(PrepareFds(plan, prepared));
  PrepareValues(plan, prepared.setup);
  absl::StatusOr<Pidfd> child;
  {
    const AllSignalsBlocked blocked;
    child = CloneChild(plan, prepared);
  }
  if (!child.ok()) return child;
  HOLDFAST_FAILPOINT(ExecutorCloned);
  prepared.owned.clear();  // our copy of the report pipe's end is among them
  const absl::Status started = AwaitExec(plan, prepared);
  if (started.ok()) return child;
  Reap(*child);
  return started;
}

}  // namespace holdfast::shim
