// A reboot, told by a boot id of the test's own: whatever ran is over.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "hack/local_agent/cgroup_sweep.h"
#include "tests/fakes/fork_as.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

class Reboot : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    KillAgent();
    BootAs("boot-1");
    RestartAgent();
    Register(kFramework);
    Watch(kFramework);
  }

  void BootAs(const std::string& boot_id) {
    WriteFile(Scratch("boot_id"), boot_id + "\n");
    agent().SetFlags({"--boot_id_file=" + Scratch("boot_id")});
  }
  // Everything ends at once, what is in memory is gone, and then the agent
  // starts by itself.
  void PowerOff() {
    std::vector<std::unique_ptr<ProcessWatch>> shims;
    for (const v1::Task& task : List()) {
      if (task.shim_pid() == 0) continue;
      shims.push_back(std::make_unique<ProcessWatch>(task.shim_pid()));
    }
    KillAgent();
    // Before their executors, whose ends they would write down.
    for (const auto& shim : shims) {
      shim->Kill(SIGKILL);
      shim->WaitForEnd(absl::Seconds(10));
    }
    ASSERT_TRUE(
        hack::SweepCgroups(agent().cgroups_root(), absl::Seconds(10)).ok());
    std::filesystem::remove_all(agent().runtime_dir());
  }
  std::string AgentId() {
    return Must(client().Call(&Stub::GetAgent, v1::GetAgentRequest()))
        .agent()
        .agent_id();
  }
};

TEST_F(Reboot, EndsWhatRanAndTouchesNobodyWhoHasItsPidNow) {
  const v1::Task task = Launch(ShellTask("ran", "exec sleep 1000"));
  AwaitRunning({"ran"});
  const std::string agent_id = AgentId();
  const ProcessWatch executor(task.pid());
  PowerOff();
  executor.Reap(absl::Seconds(10));
  const pid_t bystander = ForkAs(task.pid());
  ASSERT_EQ(bystander, task.pid());

  BootAs("boot-2");
  RestartAgent();

  const v1::TaskStatus end = AwaitEnd("ran");
  EXPECT_EQ(end.state(), v1::TASK_FAILED);
  EXPECT_EQ(end.reason(), v1::REASON_AGENT_REBOOTED);
  EXPECT_THAT(end.message(), testing::HasSubstr("TASK_RUNNING"));
  EXPECT_TRUE(end.has_start_time());
  EXPECT_EQ(AgentId(), agent_id);
  const auto decision = DecisionOn(task.container_id());
  EXPECT_EQ(decision.decision(), v1::GetRecoveryResponse::AGENT_REBOOTED);
  EXPECT_EQ(decision.reason(), "BOOT_ID_DIFFERS");
  EXPECT_EQ(waitpid(bystander, nullptr, WNOHANG), 0) << "it was signalled";
  EXPECT_THAT(hack::ProcessesBelow(agent().cgroups_root()), testing::IsEmpty())
      << "nothing is restarted";
  kill(bystander, SIGKILL);
  waitpid(bystander, nullptr, 0);
}

TEST_F(Reboot, LeavesAnEndThatWasRecordedBeforeAsItWas) {
  Launch(ShellTask("ended", "exit 7"));
  AwaitEnd("ended");
  PowerOff();

  BootAs("boot-2");
  RestartAgent();

  EXPECT_EQ(Get("ended").task().exit_code(), 7);
  EXPECT_NE(Get("ended").task().reason(), v1::REASON_AGENT_REBOOTED);
}

TEST_F(Reboot, IsToldForEachTaskOnceAlsoWhenTheAgentDiesAgain) {
  Launch(ShellTask("ran", "exec sleep 1000"));
  AwaitRunning({"ran"});
  PowerOff();
  BootAs("boot-2");
  RestartAgent();
  AwaitEnd("ran");

  BootAs("boot-3");
  RestartAgent();

  EXPECT_EQ(Get("ran").task().reason(), v1::REASON_AGENT_REBOOTED);
  EXPECT_EQ(ledger().Get("ran").updates.size(), 2u);
}

}  // namespace
}  // namespace holdfast
