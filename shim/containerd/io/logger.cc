#include "shim/containerd/io/logger.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/errors.h"

namespace holdfast::containerd {
namespace {

constexpr int kFirstNumber = 3;  // stdout, then stderr, then "ready"
constexpr int kAboveNumbers = 10;

// posix_spawn's two objects, for a child with `fds` as 3, 4, 5, and nothing
// else of ours: no signal is blocked or ignored.
class SpawnSetup {
 public:
  explicit SpawnSetup(const std::vector<int>& fds) {
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_init(&actions_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    for (int number = 0; number < kFirstNumber; ++number) {
      posix_spawn_file_actions_addopen(&actions_, number, "/dev/null", O_RDWR,
                                       0);
    }
    int number = kFirstNumber;
    for (const int fd : fds) {
      posix_spawn_file_actions_adddup2(&actions_, fd, number++);
    }
    posix_spawn_file_actions_addclosefrom_np(&actions_, number);
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  const posix_spawnattr_t* attributes() const { return &attributes_; }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  posix_spawnattr_t attributes_;
  posix_spawn_file_actions_t actions_;
};

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Where no number that the child is to have is in the way.
absl::StatusOr<UniqueFd> MovedUp(UniqueFd fd) {
  UniqueFd moved(fcntl(fd.get(), F_DUPFD_CLOEXEC, kAboveNumbers));
  if (!moved) return ErrnoStatus(errno, "dup", "a logger's descriptor");
  return moved;
}

absl::Status AwaitReady(int ready, const IoUri& uri, absl::Duration timeout) {
  const absl::Duration deadline = SystemClock().SinceBoot() + timeout;
  pollfd fd = {.fd = ready, .events = POLLIN, .revents = 0};
  int came;
  do {
    const absl::Duration left = deadline - SystemClock().SinceBoot();
    came = poll(&fd, 1,
                static_cast<int>(absl::ToInt64Milliseconds(
                    std::max(left, absl::ZeroDuration()))));
  } while (came < 0 && errno == EINTR);
  if (came < 0) return ErrnoStatus(errno, "poll", uri.path);
  if (came == 0) {
    return absl::DeadlineExceededError(
        absl::StrCat("logger ", uri.path, ": not ready after ",
                     absl::FormatDuration(timeout)));
  }
  char word;
  if (uri.says_ready && read(ready, &word, 1) != 1) {
    return absl::UnavailableError(
        absl::StrCat("logger ", uri.path, ": ended before it was ready"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Logger>> Logger::Start(
    const IoUri& uri, const std::string& id, const std::string& name_space,
    UniqueFd out, UniqueFd err, absl::Duration timeout) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) {
    return ErrnoStatus(errno, "pipe2", uri.path);
  }
  const UniqueFd ours(ready[0]);
  UniqueFd its(ready[1]);
  HOLDFAST_ASSIGN_OR_RETURN(out, MovedUp(std::move(out)));
  HOLDFAST_ASSIGN_OR_RETURN(err, MovedUp(std::move(err)));
  HOLDFAST_ASSIGN_OR_RETURN(its, MovedUp(std::move(its)));
  std::vector<std::string> arguments = {uri.path};
  arguments.insert(arguments.end(), uri.arguments.begin(), uri.arguments.end());
  std::vector<std::string> environment = {
      absl::StrCat("CONTAINER_ID=", id),
      absl::StrCat("CONTAINER_NAMESPACE=", name_space)};
  const SpawnSetup setup({out.get(), err.get(), its.get()});
  pid_t pid;
  const int error =
      posix_spawn(&pid, uri.path.c_str(), setup.actions(), setup.attributes(),
                  Pointers(arguments).data(), Pointers(environment).data());
  if (error != 0) return ErrnoStatus(error, "start logger", uri.path);
  HOLDFAST_ASSIGN_OR_RETURN(Pidfd process, Pidfd::Open(pid));
  its.Reset();
  if (absl::Status status = AwaitReady(ours.get(), uri, timeout);
      !status.ok()) {
    (void)process.Signal(SIGKILL);  // NotFound: so much the better
    return status;
  }
  return std::unique_ptr<Logger>(new Logger(std::move(process)));
}

Logger::~Logger() {
  if (!HasEnded()) (void)process_.Signal(SIGTERM);  // NotFound: it has ended
}

}  // namespace holdfast::containerd
