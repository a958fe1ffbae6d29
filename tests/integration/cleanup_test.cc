// --recover=cleanup: a plugin that is started to end everything, and leaves.

#include <signal.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "hack/local_agent/cgroup_sweep.h"
#include "tests/integration/agent_fixture.h"
#include "tests/integration/update_stream.h"

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Report = v1::GetRecoveryResponse;

class Cleanup : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    Register(kFramework);
  }

  // Ends with 42 on SIGTERM; it is ready by now.
  v1::Task LaunchPolite(const std::string& task_id) {
    const std::string ready = Scratch(task_id + "-is-ready");
    const v1::Task task = Launch(WithGrace(
        ShellTask(task_id, absl::StrCat("trap 'exit 42' TERM; touch ", ready,
                                        "; while :; do sleep 0.01; done")),
        absl::Seconds(20)));
    EXPECT_TRUE(Eventually([&] { return access(ready.c_str(), F_OK) == 0; }));
    return task;
  }

  // The agent is killed and another one started to clean up.
  void BeginCleanup() {
    if (agent().pid() != 0) KillAgent();
    agent().SetFlags({"--recover=cleanup"});
    StartAgent();
  }
  // What is left on disk, told by an ordinary agent.
  std::vector<v1::StatusUpdate> UnacknowledgedLater() {
    agent().SetFlags({});
    RestartAgent();
    v1::WatchUpdatesRequest request;
    request.set_framework_id(kFramework);
    request.set_snapshot_only(true);
    return UpdateStream(client(), request).ReadSnapshot();
  }
  void ExpectNothingLives() {
    EXPECT_THAT(hack::ProcessesBelow(agent().cgroups_root()), IsEmpty());
    EXPECT_THAT(hack::CgroupDirectories(agent().cgroups_root()), IsEmpty());
  }
  static void ExpectCleanedUp(const v1::TaskStatus& end) {
    EXPECT_EQ(end.state(), v1::TASK_KILLED);
    EXPECT_EQ(end.reason(), v1::REASON_AGENT_CLEANUP);
    EXPECT_THAT(end.message(), HasSubstr("--recover=cleanup"));
  }
};

TEST_F(Cleanup, EndsEveryExecutorWithItsGraceAndLeaves) {
  const ProcessWatch polite(LaunchPolite("polite").pid());
  const v1::Task task = LaunchStubborn("stubborn", absl::Seconds(1));
  const ProcessWatch stubborn(task.pid());
  KillAgent();
  const absl::Time begun = absl::Now();

  BeginCleanup();

  EXPECT_EQ(AwaitAgentsEnd(), "exited 0");
  EXPECT_FALSE(polite.Runs());
  EXPECT_GE(stubborn.WaitForEnd(absl::Seconds(1)) - begun,
            absl::Milliseconds(900));
  ExpectNothingLives();
}

TEST_F(Cleanup, LeavesTheLastUpdatesForALaterAgent) {
  LaunchPolite("polite");

  BeginCleanup();
  EXPECT_EQ(AwaitAgentsEnd(), "exited 0");

  const std::vector<v1::StatusUpdate> updates = UnacknowledgedLater();
  ASSERT_EQ(updates.size(), 2u);
  EXPECT_EQ(updates[0].status().state(), v1::TASK_RUNNING);
  ExpectCleanedUp(updates[1].status());
  EXPECT_EQ(updates[1].status().exit_code(), 42);
}

TEST_F(Cleanup, ServesMeanwhileAndTakesNoLaunches) {
  const v1::Task task = LaunchStubborn("stubborn", absl::Seconds(4));
  BeginCleanup();
  WaitUntilRecovered();

  const absl::Status refused = TryLaunch(ShellTask("new", "true")).status();
  const Report::Executor decision = DecisionOn(task.container_id());
  Watch(kFramework);

  EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("cleanup"));
  EXPECT_EQ(decision.decision(), Report::ENDED_BY_CLEANUP);
  AwaitRunning({"stubborn"});
  EXPECT_EQ(AwaitAgentsEnd(), "exited 0");
}

TEST_F(Cleanup, EndsAnExecutorWhoseShimHadDied) {
  const v1::Task task = LaunchPolite("orphan");
  const ProcessWatch executor(task.pid());
  const ProcessWatch shim(task.shim_pid());
  KillAgent();
  shim.Kill(SIGKILL);
  shim.WaitForEnd(absl::Seconds(5));

  BeginCleanup();
  executor.Reap(absl::Seconds(10));

  EXPECT_EQ(AwaitAgentsEnd(), "exited 0");
  ExpectNothingLives();
  ExpectCleanedUp(UnacknowledgedLater().back().status());
}

TEST_F(Cleanup, EndsAnExecutorWhoseShimHangs) {
  const v1::Task task = LaunchPolite("hung");
  const ProcessWatch executor(task.pid());
  ProcessWatch(task.shim_pid()).Kill(SIGSTOP);
  KillAgent();
  agent().SetFlags(
      {"--recover=cleanup", "--executor_shutdown_grace_period=100ms"});
  StartAgent();

  executor.Reap(absl::Seconds(15));

  EXPECT_EQ(AwaitAgentsEnd(), "exited 0");
  ExpectNothingLives();
  ExpectCleanedUp(UnacknowledgedLater().back().status());
}

TEST_F(Cleanup, EndsAnExecutorWhoseShimHangsWhenItIsAttached) {
  const v1::Task task = LaunchStubborn("hung", absl::Seconds(3));
  const ProcessWatch executor(task.pid());
  KillAgent();
  agent().SetFlags(
      {"--recover=cleanup", "--executor_shutdown_grace_period=100ms"});
  StartAgent();
  WaitUntilRecovered();
  ProcessWatch(task.shim_pid()).Kill(SIGSTOP);

  executor.Reap(absl::Seconds(30));

  EXPECT_EQ(AwaitAgentsEnd(), "exited 0");
  ExpectNothingLives();
  ExpectCleanedUp(UnacknowledgedLater().back().status());
}

TEST_F(Cleanup, GoesOnAfterItWasKilled) {
  const v1::Task task = LaunchStubborn("stubborn", absl::Seconds(3));
  const ProcessWatch executor(task.pid());
  BeginCleanup();
  WaitUntilRecovered();

  BeginCleanup();

  EXPECT_EQ(AwaitAgentsEnd(), "exited 0");
  EXPECT_FALSE(executor.Runs());
  ExpectCleanedUp(UnacknowledgedLater().back().status());
}

TEST_F(Cleanup, ThatWasKilledIsCarriedOnByAnOrdinaryAgent) {
  const v1::Task task = LaunchStubborn("stubborn", absl::Seconds(2));
  const ProcessWatch executor(task.pid());
  BeginCleanup();
  WaitUntilRecovered();
  Watch(kFramework);
  agent().SetFlags({});

  RestartAgent();

  ExpectCleanedUp(AwaitEnd("stubborn"));
  EXPECT_FALSE(executor.Runs());
  EXPECT_TRUE(TryLaunch(ShellTask("new", "true")).ok());
}

TEST_F(Cleanup, TellsAnEndThatCameBeforeAsItWas) {
  const std::string cue = Scratch("cue");
  const v1::Task task = Launch(ShellTask(
      "early",
      absl::StrCat("until [ -e ", cue, " ]; do sleep 0.02; done; ", "exit 7")));
  const ProcessWatch shim(task.shim_pid());
  KillAgent();
  WriteFile(cue, "");
  shim.WaitForEnd(absl::Seconds(10));

  BeginCleanup();

  EXPECT_EQ(AwaitAgentsEnd(), "exited 0");
  EXPECT_EQ(UnacknowledgedLater().back().status().exit_code(), 7);
}

TEST_F(Cleanup, WithoutACheckpointSaysSoAndLeaves) {
  EXPECT_EQ(Must(agent().StopGently()), "exited 0");
  const absl::Status removed = RemoveTree(agent().work_dir());
  ASSERT_TRUE(removed.ok()) << removed;
  agent().SetFlags({"--recover=cleanup"});

  ASSERT_TRUE(agent().Spawn().ok());

  EXPECT_EQ(AwaitAgentsEnd(), "exited 0");
  EXPECT_THAT(AgentLog(), HasSubstr("there is no checkpoint"));
  EXPECT_NE(access(agent().work_dir().c_str(), F_OK), 0) << "it made nothing";
}

TEST_F(Cleanup, IsNotWhatAnAgentWithoutACheckpointDoes) {
  const std::string former = Info().agent().agent_id();
  EXPECT_EQ(Must(agent().StopGently()), "exited 0");
  const absl::Status removed = RemoveTree(agent().work_dir());
  ASSERT_TRUE(removed.ok()) << removed;

  RestartAgent();

  EXPECT_NE(Info().agent().agent_id(), former);
  Register(kFramework);
  EXPECT_TRUE(TryLaunch(ShellTask("new", "true")).ok());
}

}  // namespace
}  // namespace holdfast
