// A shim that is killed is replaced; its executor does not notice.

#include <signal.h>

#include <fstream>

#include "absl/strings/str_cat.h"
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
    if (end.has_exit_code()) {
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
