#include "plugin/launch/shim_spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/failpoint.h"
#include "base/unique_fd.h"
#include "shim/client/shim_arguments.h"

namespace holdfast {
namespace {

// Copies above all numbers that the child is to find them at, so that putting
// one in place cannot overwrite another.
constexpr int kAboveFixed = 16;

absl::StatusOr<UniqueFd> CopyAbove(int fd) {
  UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, kAboveFixed));
  if (!copy) return ErrnoStatus(errno, "dup", absl::StrCat("fd ", fd));
  return copy;
}

class SpawnAttributes {
 public:
  SpawnAttributes() {
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_init(&actions_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID |
                                               POSIX_SPAWN_SETSIGMASK |
                                               POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null",
                                     O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null",
                                     O_WRONLY, 0);
  }
  ~SpawnAttributes() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;

  void Place(int fd, int number) {
    posix_spawn_file_actions_adddup2(&actions_, fd, number);
  }
  void CloseFrom(int number) {
    posix_spawn_file_actions_addclosefrom_np(&actions_, number);
  }
  const posix_spawnattr_t* attributes() const { return &attributes_; }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  posix_spawnattr_t attributes_;
  posix_spawn_file_actions_t actions_;
};

}  // namespace

absl::StatusOr<pid_t> SpawnShim(const ShimCommand& command) {
  SpawnAttributes spawn;
  const std::array<std::pair<int, int>, 4> places = {{
      {command.log_fd, STDERR_FILENO},
      {command.journal_fd, shim::kJournalFd},
      {command.listening_fd, shim::kListeningFd},
      {command.connection_fd, shim::kConnectionFd},
  }};
  std::array<UniqueFd, places.size()> copies;
  for (size_t i = 0; i < places.size(); ++i) {
    HOLDFAST_ASSIGN_OR_RETURN(copies[i], CopyAbove(places[i].first));
    spawn.Place(copies[i].get(), places[i].second);
  }
  spawn.CloseFrom(shim::kConnectionFd + 1);
  std::array<const char*, shim::kShimArguments + 1> argv = {
      "holdfast-shim",
      command.container_id.c_str(),
      command.journal_path.c_str(),
      command.runtime_directory.c_str(),
      command.shim_procs_file.c_str(),
      nullptr};
  // Empty, but for builds for tests.
  const std::vector<char*> environment = FailpointEnvironment();
  pid_t pid;
  const int error = posix_spawn(
      &pid, command.program.c_str(), spawn.actions(), spawn.attributes(),
      const_cast<char**>(argv.data()), environment.data());
  if (error != 0) return ErrnoStatus(error, "spawn", command.program);
  return pid;
}

}  // namespace holdfast
