#include "base/pidfd.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

namespace holdfast {
namespace {

// A child that does nothing; killed and reaped with its owner.
class IdleChild {
 public:
  IdleChild() : pid_(fork()) {
    if (pid_ == 0) {
      for (;;) pause();
    }
  }
  ~IdleChild() {
    if (pid_ > 0) kill(pid_, SIGKILL);
    Reap();
  }

  pid_t pid() const { return pid_; }
  void Reap() {
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_;
};

void AwaitEnd(const Pidfd& process) {
  pollfd watched = {.fd = process.fd(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&watched, 1, /*timeout=*/10'000), 1);
}

TEST(Pidfd, TellsAnEndedProcessFromALivingOne) {
  IdleChild child;
  const auto process = Pidfd::Open(child.pid());
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_FALSE(process->HasEnded());

  ASSERT_TRUE(process->Signal(SIGKILL).ok());
  AwaitEnd(*process);

  EXPECT_TRUE(process->HasEnded());
}

TEST(Pidfd, SignalsNobodyOnceItsProcessWasReaped) {
  IdleChild child;
  const auto process = Pidfd::Open(child.pid());
  ASSERT_TRUE(process->Signal(SIGKILL).ok());
  child.Reap();

  EXPECT_TRUE(absl::IsNotFound(process->Signal(SIGTERM)));
  EXPECT_TRUE(process->HasEnded());
}

TEST(Pidfd, IsNotFoundForAPidThatNobodyHas) {
  IdleChild child;
  const pid_t pid = child.pid();
  kill(pid, SIGKILL);
  child.Reap();

  EXPECT_TRUE(absl::IsNotFound(Pidfd::Open(pid).status()));
  EXPECT_TRUE(absl::IsNotFound(ReadStartTicks(pid).status()));
}

TEST(ReadStartTicks, IsTheSameForOneProcessAndNotBeforeItsParents) {
  IdleChild child;

  const auto first = ReadStartTicks(child.pid());
  const auto second = ReadStartTicks(child.pid());

  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(*first, *second);
  EXPECT_GE(*first, *ReadStartTicks(getpid()));
}

}  // namespace
}  // namespace holdfast
