#include "tests/plugin/ctl/ctl_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "gtest/gtest.h"
#include "tests/fakes/slowness.h"

namespace holdfast::ctl {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20 * kSlowness);

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

}  // namespace

CtlProcess::CtlProcess(const std::string& address,
                       std::vector<std::string> arguments) {
  int out[2];
  int err[2];
  EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
  EXPECT_EQ(pipe2(err, O_CLOEXEC), 0);
  out_fd_ = UniqueFd(out[0]);
  err_fd_ = UniqueFd(err[0]);
  const UniqueFd child_out(out[1]);
  const UniqueFd child_err(err[1]);

  std::string variable = "HOLDFAST_ADDRESS=" + address;
  std::vector<char*> environment = {variable.data(), nullptr};
  if (address.empty()) environment = {nullptr};
  arguments.insert(arguments.begin(), "holdfastctl");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, child_out.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, child_err.get(), STDERR_FILENO);
  EXPECT_EQ(posix_spawn(&pid_, HOLDFASTCTL_BINARY, &actions, nullptr,
                        argv.data(), environment.data()),
            0);
  posix_spawn_file_actions_destroy(&actions);
}

CtlProcess::~CtlProcess() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void CtlProcess::Pump(const std::function<bool()>& done) {
  const absl::Duration deadline = SystemClock().SinceBoot() + kPatience;
  while (!done() && (out_fd_ || err_fd_)) {
    pollfd fds[] = {{.fd = out_fd_.get(), .events = POLLIN, .revents = 0},
                    {.fd = err_fd_.get(), .events = POLLIN, .revents = 0}};
    const int left = static_cast<int>(
        absl::ToInt64Milliseconds(deadline - SystemClock().SinceBoot()));
    if (left <= 0 || poll(fds, 2, left) <= 0) {
      ADD_FAILURE() << "waited in vain; stdout:\n"
                    << out_ << "stderr:\n"
                    << err_;
      kill(pid_, SIGKILL);
      return;
    }
    if (fds[0].revents != 0) ReadSome(out_fd_, out_);
    if (fds[1].revents != 0) ReadSome(err_fd_, err_);
  }
}

void CtlProcess::WaitForOutput(const std::string& text) {
  Pump([&] { return absl::StrContains(out_, text); });
  EXPECT_TRUE(absl::StrContains(out_, text)) << out_ << "without " << text;
}

void CtlProcess::WaitForError(const std::string& text) {
  Pump([&] { return absl::StrContains(err_, text); });
  EXPECT_TRUE(absl::StrContains(err_, text)) << err_ << "without " << text;
}

void CtlProcess::Signal(int number) const { kill(pid_, number); }

CtlProcess::Result CtlProcess::Wait() {
  Pump([] { return false; });
  int status = 0;
  EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
  pid_ = -1;
  return {.exit_code =
              WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .out = out_,
          .err = err_};
}

CtlProcess::Result RunCtl(const std::string& address,
                          std::vector<std::string> arguments) {
  return CtlProcess(address, std::move(arguments)).Wait();
}

}  // namespace holdfast::ctl
