#include "shim/containerd/spawn.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/pidfd.h"
#include "shim/containerd/memory_file.h"

namespace holdfast::containerd {
namespace {

std::string OutputOf(const std::string& script) {
  const UniqueFd out = std::move(MemoryFile()).value();
  const absl::StatusOr<pid_t> pid =
      Spawn({"/bin/sh", "-c", script}, -1, out.get(), -1);
  EXPECT_TRUE(pid.ok()) << pid.status();
  EXPECT_EQ(waitpid(*pid, nullptr, 0), *pid);
  return ContentOf(out.get());
}

TEST(Spawn, GivesThreeDescriptorsAndNoOther) {
  const UniqueFd leaking(open("/dev/null", O_RDONLY));  // not close-on-exec
  ASSERT_TRUE(leaking);

  // The last one is ls's own.
  EXPECT_EQ(OutputOf("exec ls /proc/self/fd"), "0\n1\n2\n3\n");
  EXPECT_EQ(OutputOf("readlink /proc/$$/fd/0"), "/dev/null\n");
}

TEST(Spawn, GivesSignalsAtTheirDefaults) {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGCHLD);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  const auto handler = signal(SIGPIPE, SIG_IGN);

  EXPECT_THAT(OutputOf("exec cat /proc/self/status"),
              testing::AllOf(testing::HasSubstr("SigBlk:\t0000000000000000"),
                             testing::HasSubstr("SigIgn:\t0000000000000000")));
  sigset_t after;
  sigprocmask(SIG_SETMASK, &before, &after);
  EXPECT_EQ(sigismember(&after, SIGCHLD), 1);
  EXPECT_EQ(sigismember(&after, SIGTERM), 0);
  signal(SIGPIPE, handler);
}

TEST(Spawn, KeepsWhatSystemdToldUs) {
  setenv("NOTIFY_SOCKET", "/x", 1);
  setenv("HOLDFAST_TEST_VARIABLE", "passed", 1);

  EXPECT_EQ(OutputOf("echo $HOLDFAST_TEST_VARIABLE$NOTIFY_SOCKET"), "passed\n");

  unsetenv("NOTIFY_SOCKET");
  unsetenv("HOLDFAST_TEST_VARIABLE");
}

TEST(Spawn, SaysWhichProgramCannotBeRun) {
  EXPECT_EQ(Spawn({"/nonesuch"}, -1, -1, -1).status(),
            absl::NotFoundError("exec /nonesuch: No such file or directory"));
  EXPECT_EQ(Spawn({"/etc/passwd"}, -1, -1, -1).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);  // and no child is left
}

TEST(Spawn, DiesWithUs) {
  int report[2];
  ASSERT_EQ(pipe2(report, O_CLOEXEC), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    const absl::StatusOr<pid_t> child =
        Spawn({"/bin/sleep", "1000"}, -1, -1, -1);
    (void)!write(report[1], &*child, sizeof *child);
    pause();
  }
  pid_t child = -1;
  ASSERT_EQ(read(report[0], &child, sizeof child),
            static_cast<ssize_t>(sizeof child));
  const absl::StatusOr<Pidfd> held = Pidfd::Open(child);
  ASSERT_TRUE(held.ok()) << held.status();

  kill(parent, SIGKILL);

  pollfd ended = {.fd = held->fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&ended, 1, 60'000), 1);
  EXPECT_EQ(waitpid(parent, nullptr, 0), parent);
  close(report[0]);
  close(report[1]);
}

}  // namespace
}  // namespace holdfast::containerd
