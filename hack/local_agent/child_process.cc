#include "hack/local_agent/child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace holdfast::hack {
namespace {

// linux/wait.h has it, glibc 2.36 names it for C++ as well.
constexpr idtype_t kByPidfd = static_cast<idtype_t>(3);

// What posix_spawn is told, freed with the scope.
class SpawnPlan {
 public:
  explicit SpawnPlan(const std::string& log_path) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, 1, log_path.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions_, 1, 2);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    sigset_t all;
    sigfillset(&all);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP |
                                               POSIX_SPAWN_SETSIGMASK |
                                               POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

absl::StatusOr<ChildProcess> ChildProcess::Spawn(
    const std::vector<std::string>& argv, const std::string& log_path) {
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& argument : argv)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const SpawnPlan plan(log_path);

  pid_t pid = -1;
  const int error = posix_spawnp(&pid, arguments[0], plan.actions(),
                                 plan.attributes(), arguments.data(), environ);
  if (error != 0) return ErrnoStatus(error, "posix_spawn", argv[0]);
  HOLDFAST_ASSIGN_OR_RETURN(Pidfd pidfd, Pidfd::Open(pid));
  return ChildProcess(std::move(pidfd));
}

absl::StatusOr<std::string> ChildProcess::Wait(absl::Duration timeout) {
  pollfd ended = {.fd = pidfd_.fd(), .events = POLLIN, .revents = 0};
  const int ready =
      poll(&ended, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout)));
  if (ready < 0) return ErrnoStatus(errno, "poll", "pidfd");
  if (ready == 0) {
    return absl::DeadlineExceededError(absl::StrCat(
        "process ", pid(), " runs on after ", absl::FormatDuration(timeout)));
  }
  siginfo_t info = {};
  if (waitid(kByPidfd, static_cast<id_t>(pidfd_.fd()), &info, WEXITED) != 0)
    return ErrnoStatus(errno, "waitid", absl::StrCat(pid()));
  return info.si_code == CLD_EXITED
             ? absl::StrCat("exited ", info.si_status)
             : absl::StrCat("killed by signal ", info.si_status);
}

}  // namespace holdfast::hack
