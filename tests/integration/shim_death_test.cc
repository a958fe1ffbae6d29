// A shim that is killed is replaced; its executor does not notice.

#include <signal.h>
#include <stdio.h>
#include <sys/utsname.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

class ShimDeath : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    Register(kFramework);
    Watch(kFramework);
  }

  // Counts on stdout until its cue, then ends with status 6.
  v1::Task LaunchCounter(const std::string& task_id) {
    const v1::Task task = Launch(ShellTask(
        task_id, absl::StrCat("i=0; while ! [ -e ", Cue(),
                              " ]; do i=$((i+1)); echo $i || exit 99; sleep "
                              "0.01; done; echo last; exit 6")));
    AwaitRunning({task_id});
    return task;
  }
  std::string Cue() const { return Scratch("cue"); }

  // Until another shim has the task.
  v1::Task AwaitAdoption(const v1::Task& before) {
    v1::Task now;
    EXPECT_TRUE(Eventually([&] {
      now = Get(before.task_id()).task();
      return now.attached() && now.shim_pid() != before.shim_pid();
    })) << now.condition();
    EXPECT_EQ(now.pid(), before.pid());
    EXPECT_EQ(now.state(), v1::TASK_RUNNING);
    return now;
  }

  std::string Stdout(const std::string& task_id) {
    return ctl::RunCtl(address(), {"logs", task_id}).out;
  }

  // Linux 6.15 tells how a process ended to whoever holds its pidfd.
  static bool KernelTellsEveryone() {
    utsname system;
    int major = 0, minor = 0;
    return uname(&system) == 0 &&
           sscanf(system.release, "%d.%d", &major, &minor) == 2 &&
           (major > 6 || (major == 6 && minor >= 15));
  }

  // Its output has every number up to its end, and its status is true, or
  // said to be unknown on a kernel that tells it only to a parent.
  void ExpectEndsUndisturbed(const ProcessWatch& executor,
                             const std::string& task_id) {
    const std::string before = Stdout(task_id);
    EXPECT_TRUE(
        Eventually([&] { return Stdout(task_id).size() > before.size(); }));
    WriteFile(Cue(), "");
    executor.Reap(absl::Seconds(20));
    const v1::TaskStatus end = AwaitEnd(task_id);
    EXPECT_EQ(end.state(), v1::TASK_FAILED);
    if (end.has_exit_code() || KernelTellsEveryone()) {
      EXPECT_EQ(end.exit_code(), 6);
      EXPECT_EQ(end.reason(), v1::REASON_COMMAND_EXECUTOR_FAILED);
    } else {
      EXPECT_EQ(end.reason(), v1::REASON_SHIM_DIED);
    }
    ExpectEveryNumber(Stdout(task_id));
  }

  static void ExpectEveryNumber(const std::string& output) {
    std::string expected;
    for (int i = 1; expected.size() + 5 < output.size(); ++i)
      absl::StrAppend(&expected, i, "\n");
    EXPECT_EQ(output, expected + "last\n");
  }
};

TEST_F(ShimDeath, IsMadeGoodWhileTheExecutorRunsOn) {
  const v1::Task task = LaunchCounter("counter");
  const ProcessWatch executor(task.pid());

  ProcessWatch(task.shim_pid()).Kill(SIGKILL);

  AwaitAdoption(task);
  ExpectEndsUndisturbed(executor, "counter");
}

TEST_F(ShimDeath, IsMadeGoodTwice) {
  const v1::Task task = LaunchCounter("counter");
  const ProcessWatch executor(task.pid());

  ProcessWatch(task.shim_pid()).Kill(SIGKILL);
  const v1::Task adopted = AwaitAdoption(task);
  ProcessWatch(adopted.shim_pid()).Kill(SIGKILL);

  AwaitAdoption(adopted);
  ExpectEndsUndisturbed(executor, "counter");
}

TEST_F(ShimDeath, IsMadeGoodByTheNextAgent) {
  const v1::Task task = LaunchCounter("counter");
  const ProcessWatch executor(task.pid());
  const ProcessWatch shim(task.shim_pid());

  KillAgent();
  shim.Kill(SIGKILL);
  shim.WaitForEnd(absl::Seconds(5));
  RestartAgent();

  AwaitAdoption(task);
  ExpectEndsUndisturbed(executor, "counter");
}

TEST_F(ShimDeath, DoesNotKeepTheExecutorFromBeingKilled) {
  const v1::Task task = LaunchCounter("counter");
  const ProcessWatch executor(task.pid());
  ProcessWatch(task.shim_pid()).Kill(SIGKILL);
  AwaitAdoption(task);

  ASSERT_TRUE(Kill("counter", absl::Seconds(1)).ok());

  executor.Reap(absl::Seconds(10));
  const v1::TaskStatus end = AwaitEnd("counter");
  EXPECT_EQ(end.state(), v1::TASK_KILLED);
  EXPECT_EQ(ledger().Get("counter").updates.size(), 2u);
}

TEST_F(ShimDeath, LeavesItsLimitsInForce) {
  v1::TaskInfo limited = ShellTask("limited", "exec sleep 1000");
  limited.mutable_resources()->set_pids(7);
  const v1::Task task = Launch(limited);
  AwaitRunning({"limited"});
  const std::string groups = absl::StrCat("/proc/", task.pid(), "/cgroup");
  const std::string before = Must(ReadSmallFile(groups));
  EXPECT_THAT(before, testing::HasSubstr(task.container_id()));

  ProcessWatch(task.shim_pid()).Kill(SIGKILL);
  AwaitAdoption(task);

  EXPECT_EQ(Must(ReadSmallFile(groups)), before);
}

TEST_F(ShimDeath, LeavesTheFenceStanding) {
  const v1::Task task = Launch(WithRecoveryTimeout(
      ShellTask("fenced", "exec sleep 1000"), absl::Seconds(2)));
  AwaitRunning({"fenced"});
  const ProcessWatch executor(task.pid());
  ProcessWatch(task.shim_pid()).Kill(SIGKILL);
  AwaitAdoption(task);

  const absl::Time lost = absl::Now();
  KillAgent();
  const absl::Duration lived = executor.WaitForEnd(absl::Seconds(10)) - lost;
  executor.Reap(absl::Seconds(10));
  StartAgent();

  EXPECT_GE(lived, absl::Seconds(1.5));
  EXPECT_LE(lived, absl::Seconds(2.5));
  EXPECT_EQ(AwaitEnd("fenced").reason(), v1::REASON_RECOVERY_TIMEOUT);
}

TEST_F(ShimDeath, LeavesAPausedFencePaused) {
  const auto launch = [this](const std::string& id) {
    return Launch(WithRecoveryTimeout(ShellTask(id, "exec sleep 1000"),
                                      absl::Seconds(2)));
  };
  const v1::Task paused = launch("paused");
  const v1::Task other = launch("other");
  AwaitRunning({"paused", "other"});
  ASSERT_EQ(ctl::RunCtl(address(), {"lease", "pause", "paused"}).exit_code, 0);
  ProcessWatch(paused.shim_pid()).Kill(SIGKILL);
  AwaitAdoption(paused);

  KillAgent();
  ProcessWatch(other.pid()).WaitForEnd(absl::Seconds(10));

  EXPECT_TRUE(ProcessWatch(paused.pid()).Runs());
}

// A zombie that its new parent, which we are, has not reaped yet.
TEST_F(ShimDeath, LearnsTheStatusOfAnExecutorThatEndedUnderNoShim) {
  const v1::Task task = LaunchCounter("counter");
  const ProcessWatch executor(task.pid());
  const ProcessWatch shim(task.shim_pid());
  KillAgent();
  shim.Kill(SIGKILL);
  shim.WaitForEnd(absl::Seconds(5));
  WriteFile(Cue(), "");
  executor.WaitForEnd(absl::Seconds(10));

  RestartAgent();

  const v1::TaskStatus end = AwaitEnd("counter");
  EXPECT_EQ(end.exit_code(), 6);
  EXPECT_EQ(end.reason(), v1::REASON_COMMAND_EXECUTOR_FAILED);
}

TEST_F(ShimDeath, IsMadeGoodUntilTheLastProcessOfTheExecutorIsGone) {
  const std::string child = Scratch("child");
  const v1::Task task = Launch(ShellTask(
      "parent",
      absl::StrCat("setsid sleep 1000 & echo $! > ", child, "; while ! [ -e ",
                   Cue(), " ]; do sleep 0.01; done; exit 6")));
  AwaitRunning({"parent"});
  ASSERT_TRUE(
      Eventually([&] { return !ReadSmallFile(child).value_or("").empty(); }));
  const ProcessWatch left(std::stoi(Must(ReadSmallFile(child))));
  const ProcessWatch executor(task.pid());
  const ProcessWatch shim(task.shim_pid());
  KillAgent();
  shim.Kill(SIGKILL);
  shim.WaitForEnd(absl::Seconds(5));
  WriteFile(Cue(), "");
  executor.Reap(absl::Seconds(10));
  EXPECT_TRUE(left.Runs());

  RestartAgent();

  const v1::TaskStatus end = AwaitEnd("parent");
  EXPECT_EQ(end.reason(), v1::REASON_SHIM_DIED);
  EXPECT_FALSE(left.Runs()) << "the end was told before its group was empty";
}

TEST_F(ShimDeath, DoesNotHideThatTheExecutorEndedMeanwhile) {
  const v1::Task task = LaunchCounter("counter");
  const ProcessWatch executor(task.pid());
  const ProcessWatch shim(task.shim_pid());
  KillAgent();
  shim.Kill(SIGKILL);
  shim.WaitForEnd(absl::Seconds(5));
  WriteFile(Cue(), "");
  executor.Reap(absl::Seconds(10));

  RestartAgent();

  const v1::TaskStatus end = AwaitEnd("counter");
  EXPECT_EQ(end.state(), v1::TASK_FAILED);
  EXPECT_EQ(end.reason(), v1::REASON_SHIM_DIED);
  EXPECT_FALSE(end.has_exit_code());
  EXPECT_FALSE(end.has_signal());
  EXPECT_THAT(end.message(), testing::HasSubstr("unknown"));
}

}  // namespace
}  // namespace holdfast
