#include "tests/containerd/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/unique_fd.h"
#include "gtest/gtest.h"
#include "tests/fakes/slowness.h"

namespace holdfast::containerd {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    read_end = UniqueFd(ends[0]);
    write_end = UniqueFd(ends[1]);
  }
  UniqueFd read_end;
  UniqueFd write_end;
};

std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words)
    pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(const std::vector<std::string>& added) {
  std::vector<std::string> environment = added;  // the first of a name counts
  for (char** entry = environ; *entry != nullptr; ++entry)
    environment.emplace_back(*entry);
  return environment;
}

UniqueFd InputFile(const std::string& input) {
  UniqueFd fd(memfd_create("input", MFD_CLOEXEC));
  EXPECT_EQ(write(fd.get(), input.data(), input.size()),
            static_cast<ssize_t>(input.size()));
  lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

pid_t Spawn(const std::vector<std::string>& argv, const CommandOptions& options,
            int out, int err) {
  const UniqueFd input = InputFile(options.input);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  if (!options.directory.empty()) {
    posix_spawn_file_actions_addchdir_np(&actions, options.directory.c_str());
  }
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  const std::vector<std::string> environment = Environment(options.environment);
  pid_t pid = -1;
  const int error =
      posix_spawn(&pid, argv[0].c_str(), &actions, &attributes,
                  Pointers(argv).data(), Pointers(environment).data());
  EXPECT_EQ(error, 0) << "posix_spawn " << argv[0];
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? pid : -1;
}

// Appends what is there; closes `fd` at its end.
void ReadSome(UniqueFd& fd, std::string& into) {
  char buffer[65536];
  const ssize_t size = read(fd.get(), buffer, sizeof(buffer));
  if (size > 0) {
    into.append(buffer, static_cast<size_t>(size));
  } else {
    fd.Reset();
  }
}

// False: `deadline` passed first.
bool ReadToEnd(UniqueFd& out_fd, UniqueFd& err_fd, CommandResult& result,
               absl::Time deadline) {
  while (out_fd || err_fd) {
    pollfd fds[] = {{out_fd.get(), POLLIN, 0}, {err_fd.get(), POLLIN, 0}};
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    poll(fds, 2, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
    if (fds[0].revents != 0) ReadSome(out_fd, result.out);
    if (fds[1].revents != 0) ReadSome(err_fd, result.err);
  }
  return true;
}

}  // namespace

CommandResult RunCommand(const std::vector<std::string>& argv,
                         const CommandOptions& options) {
  Pipe out;
  Pipe err;
  CommandResult result;
  const pid_t pid =
      Spawn(argv, options, out.write_end.get(), err.write_end.get());
  if (pid < 0) return result;
  out.write_end.Reset();
  err.write_end.Reset();
  if (!ReadToEnd(out.read_end, err.read_end, result,
                 absl::Now() + options.timeout * kSlowness)) {
    ADD_FAILURE() << "not over after " << options.timeout << ": "
                  << absl::StrJoin(argv, " ") << "\n"
                  << result.out << result.err;
    kill(-pid, SIGKILL);
  }
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  result.exit_code =
      WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

Pidfd StartProgram(const std::vector<std::string>& argv,
                   const CommandOptions& options, const std::string& log_path) {
  const UniqueFd log(
      open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  absl::StatusOr<Pidfd> process =
      Pidfd::Open(Spawn(argv, options, log.get(), log.get()));
  EXPECT_TRUE(process.ok()) << process.status();
  return process.ok() ? *std::move(process) : Pidfd();
}

}  // namespace holdfast::containerd
