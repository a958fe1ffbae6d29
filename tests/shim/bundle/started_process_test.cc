#include "shim/bundle/started_process.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/boot_id.h"
#include "base/pidfd.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

class StartedProcess : public testing::Test {
 protected:
  void SetUp() override {
    started_.set_pid(getpid());
    started_.set_start_ticks(*ReadStartTicks(getpid()));
    started_.set_boot_id(*ReadBootId());
  }

  v1::Started started_;
};

TEST_F(StartedProcess, RunsWhereAllIsAsItWasWritten) {
  EXPECT_TRUE(IsRunning(started_));
}

TEST_F(StartedProcess, OfAnotherBootDoesNotRun) {
  started_.set_boot_id("another");

  EXPECT_FALSE(IsRunning(started_));
}

TEST_F(StartedProcess, WhosePidIsAnothersByNowDoesNotRun) {
  started_.set_start_ticks(started_.start_ticks() + 1);

  EXPECT_FALSE(IsRunning(started_));
}

TEST_F(StartedProcess, ThatHasEndedDoesNotRunAlsoBeforeItIsReaped) {
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  started_.set_pid(child);
  started_.set_start_ticks(*ReadStartTicks(child));
  EXPECT_TRUE(IsRunning(started_));

  kill(child, SIGKILL);
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT),
            0);
  EXPECT_FALSE(IsRunning(started_));

  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(IsRunning(started_));
}

}  // namespace
}  // namespace holdfast
