// An agent that its orchestrator has given up: Shutdown.

#include <signal.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/agent_fixture.h"
#include "tests/integration/update_stream.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

class Retirement : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    Register(kFramework);
    former_ = AgentId();
  }

  std::string AgentId() { return Info().agent().agent_id(); }
  absl::Status ShutDown(const std::string& agent_id,
                        std::optional<absl::Duration> grace_period = {}) {
    v1::ShutdownRequest request;
    request.set_agent_id(agent_id);
    request.set_message("its rack is gone");
    if (grace_period) *request.mutable_grace_period() = ToProto(*grace_period);
    return client().Call(&Stub::Shutdown, request).status();
  }

  std::string former_;
};

TEST_F(Retirement, EndsEveryExecutorAndServesOn) {
  const ProcessWatch executor(
      LaunchStubborn("task", absl::Milliseconds(100)).pid());

  ASSERT_TRUE(ShutDown(former_).ok());

  executor.WaitForEnd(absl::Seconds(20));
  Watch(kFramework);  // its last updates reach somebody
  const v1::TaskStatus end = AwaitEnd("task");
  EXPECT_EQ(end.state(), v1::TASK_KILLED);
  EXPECT_EQ(end.reason(), v1::REASON_AGENT_REMOVED);
  EXPECT_THAT(end.message(), HasSubstr("its rack is gone"));
  const absl::Status refused = TryLaunch(ShellTask("new", "true")).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_TRUE(Info().shut_down());
  EXPECT_TRUE(Must(client().Call(&Stub::Ping, v1::PingRequest())).shut_down());
  EXPECT_EQ(AgentId(), former_);
}

TEST_F(Retirement, IsForTheAgentThatIsNamed) {
  const v1::Task task = LaunchStubborn("task", absl::ZeroDuration());

  const absl::Status other = ShutDown("another-agent");

  EXPECT_TRUE(absl::IsInvalidArgument(other)) << other;
  EXPECT_THAT(std::string(other.message()), HasSubstr(former_));
  EXPECT_FALSE(Info().shut_down());
  EXPECT_TRUE(ProcessWatch(task.pid()).Runs());
}

TEST_F(Retirement, MakesTheNextStartAnotherAgent) {
  LaunchStubborn("task", absl::ZeroDuration());
  ASSERT_TRUE(ShutDown(former_).ok());
  EXPECT_TRUE(Eventually([&] { return HasEnded("task"); }));

  RestartAgent();

  EXPECT_NE(AgentId(), former_);
  EXPECT_FALSE(Info().shut_down());
  // What the former one has left is delivered, as the former one's.
  v1::WatchUpdatesRequest request;
  request.set_framework_id(kFramework);
  request.set_snapshot_only(true);
  const auto updates = UpdateStream(client(), request).ReadSnapshot();
  ASSERT_EQ(updates.size(), 2u);
  EXPECT_EQ(updates[1].agent_id(), former_);
  EXPECT_EQ(updates[1].status().reason(), v1::REASON_AGENT_REMOVED);
  Watch(kFramework);
  AwaitEnd("task");
  const v1::Task next = Launch(ShellTask("next", "sleep 1000"));
  const std::string id = AgentId();
  RestartAgent();
  EXPECT_EQ(AgentId(), id);
  EXPECT_EQ(Get("next").task().pid(), next.pid());
}

TEST_F(Retirement, GoesOnAfterTheAgentWasKilled) {
  const v1::Task task = LaunchStubborn("task", absl::Hours(1));
  const ProcessWatch executor(task.pid());
  const ProcessWatch shim(task.shim_pid());
  shim.Kill(SIGSTOP);  // it cannot be told in this life
  RestartAgent();
  ASSERT_TRUE(ShutDown(former_, absl::ZeroDuration()).ok());

  RestartAgent();
  EXPECT_EQ(AgentId(), former_) << "one of its executors lives";
  EXPECT_TRUE(Info().shut_down());
  EXPECT_TRUE(
      absl::IsFailedPrecondition(TryLaunch(ShellTask("new", "true")).status()));
  shim.Kill(SIGCONT);

  executor.WaitForEnd(absl::Seconds(20));
  EXPECT_TRUE(Eventually([&] { return HasEnded("task"); }));
  RestartAgent();
  EXPECT_NE(AgentId(), former_);
}

TEST_F(Retirement, CanBeAskedForByAPerson) {
  LaunchStubborn("task", absl::Hours(1));

  const auto other = ctl::RunCtl(address(), {"retire", "another-agent"});
  const auto done =
      ctl::RunCtl(address(), {"retire", "--grace", "0s", former_});

  EXPECT_EQ(other.exit_code, 1);
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_TRUE(Eventually([&] { return HasEnded("task"); }));
  EXPECT_THAT(ctl::RunCtl(address(), {"info"}).out, HasSubstr("SHUT DOWN"));
}

}  // namespace
}  // namespace holdfast
