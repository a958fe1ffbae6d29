// Drained before maintenance, and taken back.

#include <signal.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

using testing::HasSubstr;
using Agent = v1::GetAgentResponse;

class DrainTest : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (!IsSkipped()) Register(kFramework);
  }

  absl::Status Drain(const v1::DrainRequest& request = {}) {
    return client().Call(&Stub::Drain, request).status();
  }
  Agent::DrainState PingedState() {
    return Must(client().Call(&Stub::Ping, v1::PingRequest())).drain_state();
  }
  static v1::DrainRequest Within(absl::Duration max_grace_period) {
    v1::DrainRequest request;
    *request.mutable_max_grace_period() = ToProto(max_grace_period);
    return request;
  }
  absl::Status Undrain() {
    return client().Call(&Stub::Undrain, v1::UndrainRequest()).status();
  }
  static v1::TaskInfo CustomTask(const std::string& task_id) {
    v1::TaskInfo task;
    task.set_task_id(task_id);
    task.set_data("sleep 1000");
    task.mutable_executor()->set_executor_id("many");
    task.mutable_executor()->mutable_command()->set_value(
        MULTI_TASK_EXECUTOR_BINARY);
    return task;
  }
};

TEST_F(DrainTest, EndsTasksAndTakesNone) {
  Watch(kFramework);
  const ProcessWatch executor(
      LaunchStubborn("task", absl::Milliseconds(100)).pid());

  ASSERT_TRUE(Drain().ok());

  const v1::TaskStatus end = AwaitEnd("task");
  EXPECT_EQ(end.state(), v1::TASK_KILLED);
  EXPECT_EQ(end.reason(), v1::REASON_AGENT_DRAINED);
  EXPECT_THAT(end.message(), HasSubstr("drained"));
  EXPECT_FALSE(executor.Runs());
  const absl::Status refused = TryLaunch(ShellTask("new", "true")).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_TRUE(TryLaunch(ShellTask("task", "true")).ok()) << "it has its answer";
}

TEST_F(DrainTest, IsOverWhenNothingRunsAndAllIsAcknowledged) {
  EXPECT_EQ(Info().drain_state(), Agent::DRAIN_STATE_UNSPECIFIED);
  LaunchStubborn("task", absl::ZeroDuration());

  ASSERT_TRUE(Drain(Within(absl::Seconds(7))).ok());

  EXPECT_TRUE(Eventually([&] { return HasEnded("task"); }));
  EXPECT_EQ(Info().drain_state(), Agent::DRAINING) << "nobody has its update";
  EXPECT_EQ(PingedState(), Agent::DRAINING);
  EXPECT_EQ(Info().drain().max_grace_period().seconds(), 7);
  Watch(kFramework);
  EXPECT_TRUE(
      Eventually([&] { return Info().drain_state() == Agent::DRAINED; }));
  EXPECT_EQ(PingedState(), Agent::DRAINED);
  RestartAgent();
  EXPECT_EQ(Info().drain_state(), Agent::DRAINED) << "it is a state on disk";
  EXPECT_EQ(PingedState(), Agent::DRAINED);
}

TEST_F(DrainTest, BoundsEachTasksGraceAndLeavesAShorterOne) {
  Watch(kFramework);
  const ProcessWatch patient(LaunchStubborn("patient", absl::Hours(1)).pid());
  const ProcessWatch brief(LaunchStubborn("brief", absl::ZeroDuration()).pid());
  const absl::Time asked = absl::Now();

  ASSERT_TRUE(Drain(Within(absl::Seconds(2))).ok());

  const absl::Time brief_end = brief.WaitForEnd(absl::Seconds(20));
  const absl::Time patient_end = patient.WaitForEnd(absl::Seconds(20));
  EXPECT_GE(patient_end - asked, absl::Milliseconds(1900));
  EXPECT_LT(brief_end, patient_end);
}

TEST_F(DrainTest, IsReplacedByOneWithLessTime) {
  Watch(kFramework);
  const ProcessWatch executor(LaunchStubborn("task", absl::Hours(2)).pid());
  ASSERT_TRUE(Drain(Within(absl::Hours(1))).ok());
  EXPECT_TRUE(executor.Runs());

  ASSERT_TRUE(Drain(Within(absl::ZeroDuration())).ok());

  executor.WaitForEnd(absl::Seconds(20));
}

TEST_F(DrainTest, ShortensAKillThatIsUnderWay) {
  Watch(kFramework);
  const ProcessWatch executor(LaunchStubborn("task", absl::Hours(1)).pid());
  ASSERT_TRUE(Kill("task").ok());

  ASSERT_TRUE(Drain(Within(absl::ZeroDuration())).ok());

  executor.WaitForEnd(absl::Seconds(20));
  EXPECT_EQ(AwaitEnd("task").reason(), v1::REASON_TASK_KILLED_BY_REQUEST)
      << "whoever came first";
}

TEST_F(DrainTest, ForGoodTellsThatTasksAreGone) {
  Watch(kFramework);
  LaunchStubborn("task", absl::ZeroDuration());
  v1::DrainRequest request;
  request.set_mark_gone(true);

  ASSERT_TRUE(Drain(request).ok());

  const v1::TaskStatus end = AwaitEnd("task");
  EXPECT_EQ(end.state(), v1::TASK_GONE_BY_OPERATOR);
  EXPECT_EQ(end.reason(), v1::REASON_AGENT_DRAINED);
}

TEST_F(DrainTest, EndsACustomExecutorWithItsTasksAndSaysWhy) {
  Watch(kFramework);
  const ProcessWatch executor(Launch(CustomTask("one")).pid());
  Launch(CustomTask("two"));
  AwaitRunning({"one", "two"});
  v1::DrainRequest request;
  request.set_mark_gone(true);

  ASSERT_TRUE(Drain(request).ok());

  executor.WaitForEnd(absl::Seconds(20));
  for (const char* id : {"one", "two"}) {
    EXPECT_EQ(AwaitEnd(id).state(), v1::TASK_GONE_BY_OPERATOR) << id;
    EXPECT_EQ(AwaitEnd(id).reason(), v1::REASON_AGENT_DRAINED) << id;
  }
}

TEST_F(DrainTest, GoesOnAfterARestartAlsoWithOneThatAnswersLate) {
  Watch(kFramework);
  const v1::Task late = LaunchStubborn("late", absl::ZeroDuration());
  const v1::Task slow = LaunchStubborn("slow", absl::Seconds(1));
  const ProcessWatch shim(late.shim_pid());
  shim.Kill(SIGSTOP);
  RestartAgent();
  ASSERT_TRUE(Drain().ok());
  RestartAgent();
  EXPECT_EQ(Info().drain_state(), Agent::DRAINING);

  shim.Kill(SIGCONT);

  EXPECT_EQ(AwaitEnd("late").reason(), v1::REASON_AGENT_DRAINED);
  EXPECT_EQ(AwaitEnd("slow").reason(), v1::REASON_AGENT_DRAINED);
  EXPECT_TRUE(
      Eventually([&] { return Info().drain_state() == Agent::DRAINED; }));
}

TEST_F(DrainTest, CanBeTakenBackAtAnyTime) {
  Watch(kFramework);
  const v1::Task unanswering = LaunchStubborn("kept", absl::ZeroDuration());
  const ProcessWatch executor(unanswering.pid());
  const ProcessWatch shim(unanswering.shim_pid());
  AwaitRunning({"kept"});
  shim.Kill(SIGSTOP);
  RestartAgent();
  ASSERT_TRUE(Drain().ok());

  ASSERT_TRUE(Undrain().ok());
  shim.Kill(SIGCONT);

  EXPECT_EQ(Info().drain_state(), Agent::DRAIN_STATE_UNSPECIFIED);
  EXPECT_EQ(PingedState(), Agent::DRAIN_STATE_UNSPECIFIED);
  EXPECT_TRUE(Eventually([&] { return Get("kept").task().attached(); }));
  EXPECT_TRUE(TryLaunch(ShellTask("new", "true")).ok());
  AwaitEnd("new");
  EXPECT_TRUE(executor.Runs()) << "it was never told";
  RestartAgent();
  EXPECT_EQ(Info().drain_state(), Agent::DRAIN_STATE_UNSPECIFIED);
}

TEST_F(DrainTest, RefusesANegativeTime) {
  const absl::Status refused = Drain(Within(-absl::Seconds(1)));

  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_EQ(Info().drain_state(), Agent::DRAIN_STATE_UNSPECIFIED);
}

TEST_F(DrainTest, IsAPersonsToAskForAndToWaitFor) {
  Watch(kFramework);
  LaunchStubborn("task", absl::Hours(1));

  const auto drained = ctl::RunCtl(
      address(), {"drain", "--max_grace_period", "100ms", "--wait"});
  const auto info = ctl::RunCtl(address(), {"info"});
  const auto undrained = ctl::RunCtl(address(), {"undrain"});

  EXPECT_EQ(drained.exit_code, 0) << drained.err;
  EXPECT_THAT(info.out, testing::ContainsRegex("state: +DRAINED\n"));
  EXPECT_TRUE(HasEnded("task"));
  EXPECT_EQ(undrained.exit_code, 0) << undrained.err;
  EXPECT_THAT(ctl::RunCtl(address(), {"info"}).out,
              testing::ContainsRegex("state: +active\n"));
}

}  // namespace
}  // namespace holdfast
