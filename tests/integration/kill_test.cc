// How a task is killed, and that all of its processes go with it.

#include <signal.h>
#include <unistd.h>

#include "base/files.h"
#include "gmock/gmock.h"
#include "hack/local_agent/cgroup_sweep.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

class KillTask : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    Register(kFramework);
    Watch(kFramework);
  }

  // Launches, and waits until the task has said that it is ready.
  v1::Task LaunchUntilReady(v1::TaskInfo task) {
    const std::string ready = Scratch(task.task_id() + "-ready");
    task.mutable_command()->mutable_environment()->add_variables()->set_name(
        "READY");
    task.mutable_command()
        ->mutable_environment()
        ->mutable_variables(0)
        ->set_value(ready);
    const v1::Task launched = Launch(task);
    EXPECT_TRUE(Eventually([&] { return access(ready.c_str(), F_OK) == 0; }));
    AwaitRunning({task.task_id()});
    return launched;
  }

  // The agent's shims are not in it.
  size_t CountProcesses() {
    return hack::ProcessesBelow(agent().cgroups_root()).size();
  }
};

TEST_F(KillTask, LetsItEndByItselfAndKeepsItsExitCode) {
  const v1::Task task = LaunchUntilReady(
      ShellTask("graceful",
                "trap 'exit 42' TERM; touch $READY; while :; do sleep 0.01; "
                "done"));
  const ProcessWatch executor(task.pid());

  ASSERT_TRUE(Kill("graceful").ok());

  const v1::TaskStatus end = AwaitEnd("graceful");
  EXPECT_EQ(end.state(), v1::TASK_KILLED);
  EXPECT_EQ(end.reason(), v1::REASON_TASK_KILLED_BY_REQUEST);
  EXPECT_EQ(end.exit_code(), 42);
  EXPECT_FALSE(end.has_signal());
  EXPECT_FALSE(executor.Runs());
}

TEST_F(KillTask, KillsWhatIgnoresSigtermWhenItsGraceIsOver) {
  const v1::Task task = LaunchUntilReady(
      WithGrace(ShellTask("stubborn",
                          "trap '' TERM; touch $READY; while :; do sleep 0.01; "
                          "done"),
                absl::Seconds(1)));
  const ProcessWatch executor(task.pid());
  const absl::Time asked = absl::Now();

  ASSERT_TRUE(Kill("stubborn").ok());

  const absl::Duration lived = executor.WaitForEnd(absl::Seconds(10)) - asked;
  EXPECT_GE(lived, absl::Milliseconds(900));
  EXPECT_LE(lived, absl::Milliseconds(2000));
  EXPECT_EQ(AwaitEnd("stubborn").state(), v1::TASK_KILLED);
  EXPECT_EQ(AwaitEnd("stubborn").signal(), SIGKILL);
}

TEST_F(KillTask, TakesAGraceOfTheCallBeforeTheTasks) {
  const v1::Task task = LaunchUntilReady(
      WithGrace(ShellTask("at-once",
                          "trap 'exit 42' TERM; touch $READY; while :; do "
                          "sleep 0.01; done"),
                absl::Seconds(60)));
  const ProcessWatch executor(task.pid());

  ASSERT_TRUE(Kill("at-once", absl::ZeroDuration()).ok());

  executor.WaitForEnd(absl::Seconds(5));
  EXPECT_EQ(AwaitEnd("at-once").state(), v1::TASK_KILLED);
  EXPECT_EQ(AwaitEnd("at-once").signal(), SIGKILL);
}

TEST_F(KillTask, MayBeRepeatedWithAShorterGrace) {
  const v1::Task task = LaunchUntilReady(
      WithGrace(ShellTask("hurried",
                          "trap '' TERM; touch $READY; while :; do sleep 0.01; "
                          "done"),
                absl::Seconds(60)));
  const ProcessWatch executor(task.pid());

  ASSERT_TRUE(Kill("hurried").ok());
  EXPECT_TRUE(executor.Runs());
  ASSERT_TRUE(Kill("hurried", absl::ZeroDuration()).ok());

  executor.WaitForEnd(absl::Seconds(5));
  EXPECT_EQ(AwaitEnd("hurried").state(), v1::TASK_KILLED);
  EXPECT_TRUE(Kill("hurried").ok());  // one that has ended
  EXPECT_TRUE(absl::IsNotFound(Kill("nobody")));
}

TEST_F(KillTask, GoesOnWhenTheAgentDiesMeanwhile) {
  const v1::Task task = LaunchUntilReady(
      WithGrace(ShellTask("orphaned",
                          "trap '' TERM; touch $READY; while :; do sleep 0.01; "
                          "done"),
                absl::Seconds(1)));
  const ProcessWatch executor(task.pid());

  ASSERT_TRUE(Kill("orphaned").ok());
  KillAgent();

  executor.WaitForEnd(absl::Seconds(10));
  StartAgent();
  EXPECT_EQ(AwaitEnd("orphaned").state(), v1::TASK_KILLED);
  EXPECT_EQ(AwaitEnd("orphaned").reason(), v1::REASON_TASK_KILLED_BY_REQUEST);
}

TEST_F(KillTask, EndsAForkBomb) {
  // Each goes on where a shell would give up when it cannot fork.
  v1::TaskInfo task =
      WithGrace(ShellTask("bomb", "touch $READY; exec perl -e 'fork while 1'"),
                absl::ZeroDuration());
  task.mutable_resources()->set_pids(64);
  const ProcessWatch executor(LaunchUntilReady(task).pid());
  // It has grown to what it may be; the shim makes one more.
  ASSERT_TRUE(Eventually([&] { return CountProcesses() >= 60; }));
  EXPECT_LE(CountProcesses(), 65u);
  const absl::Time asked = absl::Now();

  ASSERT_TRUE(Kill("bomb").ok());

  const v1::TaskStatus end = AwaitEnd("bomb");
  EXPECT_EQ(end.state(), v1::TASK_KILLED);
  EXPECT_LE(absl::Now() - asked, absl::Seconds(3));
  EXPECT_TRUE(Eventually([&] { return CountProcesses() == 0; }));
}

TEST_F(KillTask, EndsADaemonThatHasLeftItsSession) {
  LaunchUntilReady(ShellTask(
      "daemonized",
      "setsid sh -c 'trap \"\" TERM; (sleep 1000 & echo $! >$READY.pid; mv "
      "$READY.pid $READY)' & sleep 1000"));
  const std::string pid = Must(ReadSmallFile(Scratch("daemonized-ready")));
  const ProcessWatch daemon(std::stoi(pid));

  ASSERT_TRUE(Kill("daemonized", absl::Milliseconds(100)).ok());

  daemon.WaitForEnd(absl::Seconds(5));
  EXPECT_EQ(AwaitEnd("daemonized").state(), v1::TASK_KILLED);
}

TEST_F(KillTask, IsNotNeededForWhatATaskLeavesBehind) {
  LaunchUntilReady(ShellTask(
      "father",
      "setsid sh -c 'trap \"\" TERM HUP; (sleep 1000 & echo $! >$READY.pid; mv "
      "$READY.pid $READY)'; while ! [ -e $READY.read ]; do sleep 0.01; done; "
      "exit 5"));
  const std::string pid = Must(ReadSmallFile(Scratch("father-ready")));
  const ProcessWatch daemon(std::stoi(pid));
  EXPECT_TRUE(daemon.Runs());

  WriteFile(Scratch("father-ready.read"), "");

  const v1::TaskStatus end = AwaitEnd("father");
  EXPECT_EQ(end.state(), v1::TASK_FAILED);
  EXPECT_EQ(end.exit_code(), 5);
  EXPECT_FALSE(daemon.Runs());  // dead before the update was written
}

}  // namespace
}  // namespace holdfast
