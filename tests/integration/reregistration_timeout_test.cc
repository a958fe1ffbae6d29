// An executor whose shim does not answer after the agent's start.

#include <signal.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

using testing::HasSubstr;
using Report = v1::GetRecoveryResponse;

class Unanswering : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    Register(kFramework);
    Watch(kFramework);
  }

  v1::Task LaunchSleeper(const std::string& task_id) {
    const v1::Task task = Launch(ShellTask(task_id, "sleep 1000"));
    AwaitRunning({task_id});
    return task;
  }
  bool IsUnattached(const std::string& container_id) {
    return DecisionOn(container_id).decision() == Report::UNATTACHED;
  }
};

TEST_F(Unanswering, IsWaitedForAndAttachedWhenItWakes) {
  const v1::Task task = LaunchSleeper("hung");
  const ProcessWatch executor(task.pid());
  const ProcessWatch shim(task.shim_pid());
  shim.Kill(SIGSTOP);
  RestartAgent();
  EXPECT_TRUE(Eventually([&] { return IsUnattached(task.container_id()); }));
  EXPECT_TRUE(executor.Runs());

  shim.Kill(SIGCONT);

  EXPECT_TRUE(Eventually([&] { return Get("hung").task().attached(); }));
  EXPECT_EQ(Get("hung").task().pid(), task.pid());
  EXPECT_EQ(Get("hung").task().shim_pid(), task.shim_pid());
  EXPECT_EQ(DecisionOn(task.container_id()).decision(), Report::REATTACHED);
}

TEST_F(Unanswering, IsEndedWhenATimeIsSetAndTheOthersAreNot) {
  const v1::Task hung = LaunchSleeper("hung");
  const v1::Task kept = LaunchSleeper("kept");
  const ProcessWatch executor(hung.pid());
  const ProcessWatch shim(hung.shim_pid());
  shim.Kill(SIGSTOP);
  agent().SetFlags({"--executor_reregistration_timeout=3secs"});
  KillAgent();
  const absl::Time begun = absl::Now();
  StartAgent();

  shim.Reap(absl::Seconds(10));
  const absl::Time ended = executor.WaitForEnd(absl::Seconds(10));
  executor.Reap(absl::Seconds(10));

  EXPECT_GE(ended - begun, absl::Milliseconds(2900));
  const v1::TaskStatus end = AwaitEnd("hung");
  EXPECT_EQ(end.state(), v1::TASK_FAILED);
  EXPECT_EQ(end.reason(), v1::REASON_EXECUTOR_REREGISTRATION_TIMEOUT);
  EXPECT_THAT(end.message(), HasSubstr("executor_reregistration_timeout (3s)"));
  EXPECT_EQ(ledger().Get("hung").updates.size(), 2u);
  EXPECT_EQ(DecisionOn(hung.container_id()).decision(),
            Report::REREGISTRATION_TIMED_OUT);
  EXPECT_EQ(Get("kept").task().pid(), kept.pid());
  EXPECT_TRUE(Get("kept").task().attached());
}

TEST_F(Unanswering, IsNobodyWhoAnsweredInTime) {
  const v1::Task task = LaunchSleeper("prompt");
  const ProcessWatch executor(task.pid());
  agent().SetFlags({"--executor_reregistration_timeout=3secs"});
  RestartAgent();

  // A hung one that is ended at that time shows that the time has passed.
  const v1::Task hung = LaunchSleeper("hung");
  const ProcessWatch other(hung.pid());
  ProcessWatch(hung.shim_pid()).Kill(SIGSTOP);
  KillAgent();
  StartAgent();
  other.Reap(absl::Seconds(10));

  EXPECT_TRUE(executor.Runs());
  EXPECT_TRUE(Get("prompt").task().attached());
}

TEST_F(Unanswering, IsEndedByTheNextAgentWhenThisOneDiesInBetween) {
  const v1::Task hung = LaunchSleeper("hung");
  const ProcessWatch executor(hung.pid());
  const ProcessWatch shim(hung.shim_pid());
  shim.Kill(SIGSTOP);
  agent().SetFlags({"--executor_reregistration_timeout=300ms"});
  KillAgent();
  StartAgent();
  // Whatever the agent has come to by then.
  shim.Reap(absl::Seconds(10));
  KillAgent();
  agent().SetFlags({});
  RestartAgent();

  // Nothing was told of an end unless there was one.
  EXPECT_TRUE(Eventually(
      [&] { return Get("hung").task().attached() || HasEnded("hung"); }));
  if (HasEnded("hung")) {
    EXPECT_EQ(AwaitEnd("hung").reason(),
              v1::REASON_EXECUTOR_REREGISTRATION_TIMEOUT);
  }
}

}  // namespace
}  // namespace holdfast
