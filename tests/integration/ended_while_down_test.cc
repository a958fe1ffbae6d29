// What a task did while its agent was dead is told as the kernel saw it.

#include <signal.h>

#include "api/time_convert.h"
#include "gmock/gmock.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

class EndedWhileDown : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    Register(kFramework);
    Watch(kFramework);
  }

  // Launches a task that waits for its cue, and gives it while nobody is
  // there. Returns the terminal status that the agent tells when it is back.
  v1::TaskStatus EndWhileDown(v1::TaskInfo task) {
    const std::string cue = Scratch("cue");
    task.mutable_command()->set_value("while ! [ -e " + cue +
                                      " ]; do sleep 0.02; done; " +
                                      task.command().value());
    const v1::Task launched = Launch(task);
    const ProcessWatch executor(launched.pid());
    const ProcessWatch shim(launched.shim_pid());
    AwaitRunning({task.task_id()});
    KillAgent();
    down_ = absl::Now();
    WriteFile(cue, "");
    executor.WaitForEnd(absl::Seconds(20));
    shim.WaitForEnd(absl::Seconds(20));
    up_ = absl::Now();
    StartAgent();
    return AwaitEnd(task.task_id());
  }

  void ExpectEndedWhileDown(const v1::TaskStatus& status) {
    EXPECT_GE(FromProto(status.end_time()), down_);
    EXPECT_LE(FromProto(status.end_time()), up_);
    EXPECT_LT(FromProto(status.start_time()), down_);
  }

  // One terminal update and, acknowledged, never again.
  void ExpectToldOnce(const std::string& task_id) {
    RestartAgent();
    const hack::UpdateLedger::Task told = ledger().Get(task_id);
    ASSERT_EQ(told.updates.size(), 2u);
    EXPECT_EQ(told.updates[0].status().state(), v1::TASK_RUNNING);
    EXPECT_EQ(told.repeats, 0);
    EXPECT_EQ(told.disorders, 0);
    EXPECT_EQ(Get(task_id).unacknowledged_uuids_size(), 0);
  }

  absl::Time down_;
  absl::Time up_;
};

TEST_F(EndedWhileDown, FinishesWithItsExitCodeZero) {
  const v1::TaskStatus end = EndWhileDown(ShellTask("zero", "exit 0"));

  EXPECT_EQ(end.state(), v1::TASK_FINISHED);
  ASSERT_TRUE(end.has_exit_code());
  EXPECT_EQ(end.exit_code(), 0);
  EXPECT_FALSE(end.has_signal());
  ExpectEndedWhileDown(end);
  ExpectToldOnce("zero");
}

TEST_F(EndedWhileDown, FailsWithItsExitCode) {
  const v1::TaskStatus end = EndWhileDown(ShellTask("seven", "exit 7"));

  EXPECT_EQ(end.state(), v1::TASK_FAILED);
  EXPECT_EQ(end.reason(), v1::REASON_COMMAND_EXECUTOR_FAILED);
  EXPECT_EQ(end.exit_code(), 7);
  EXPECT_FALSE(end.has_signal());
  ExpectEndedWhileDown(end);
  ExpectToldOnce("seven");
}

TEST_F(EndedWhileDown, FailsWithItsSignal) {
  const v1::TaskStatus end = EndWhileDown(ShellTask("crash", "kill -SEGV $$"));

  EXPECT_EQ(end.state(), v1::TASK_FAILED);
  EXPECT_EQ(end.reason(), v1::REASON_COMMAND_EXECUTOR_FAILED);
  EXPECT_FALSE(end.has_exit_code());
  EXPECT_EQ(end.signal(), SIGSEGV);
  EXPECT_FALSE(end.oom_killed());
  ExpectEndedWhileDown(end);
  ExpectToldOnce("crash");
}

TEST_F(EndedWhileDown, IsKnownToHaveBeenKilledForItsMemory) {
  // The shell itself grows: the kernel takes no other process for it.
  v1::TaskInfo task =
      ShellTask("hog", "x=0123456789abcdef; while :; do x=$x$x; done");
  task.mutable_resources()->set_memory_bytes(16 << 20);

  const v1::TaskStatus end = EndWhileDown(task);

  EXPECT_EQ(end.state(), v1::TASK_FAILED);
  EXPECT_EQ(end.reason(), v1::REASON_CONTAINER_LIMITATION_MEMORY);
  EXPECT_TRUE(end.oom_killed());
  EXPECT_EQ(end.signal(), SIGKILL);
  ExpectEndedWhileDown(end);
  ExpectToldOnce("hog");
}

TEST_F(EndedWhileDown, TellsOfEachOfManyThatEndedAtOnce) {
  const std::string cue = Scratch("cue");
  std::vector<std::string> task_ids;
  std::vector<ProcessWatch> shims;
  for (int i = 0; i < 20; ++i) {
    const std::string& id = task_ids.emplace_back("many-" + std::to_string(i));
    shims.emplace_back(Launch(ShellTask(id, "while ! [ -e " + cue +
                                                " ]; do sleep 0.05; done; "
                                                "exit " +
                                                std::to_string(i)))
                           .shim_pid());
  }

  AwaitRunning(task_ids);
  KillAgent();
  WriteFile(cue, "");
  for (const ProcessWatch& shim : shims) shim.WaitForEnd(absl::Seconds(30));
  RestartAgent();

  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(AwaitEnd(task_ids[i]).exit_code(), i);
    EXPECT_EQ(ledger().Get(task_ids[i]).updates.size(), 2u);
    EXPECT_EQ(ledger().Get(task_ids[i]).repeats, 0);
    EXPECT_EQ(ledger().Get(task_ids[i]).disorders, 0);
  }
}

}  // namespace
}  // namespace holdfast
