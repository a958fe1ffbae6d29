// Frameworks that go: torn down on request, or away for failover_timeout.

#include <signal.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "hack/local_agent/cgroup_sweep.h"
#include "tests/integration/agent_fixture.h"
#include "tests/integration/update_stream.h"

namespace holdfast {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kOther[] = "another-orchestrator";

v1::WatchUpdatesRequest WatchOf(const std::string& framework_id) {
  v1::WatchUpdatesRequest request;
  request.set_framework_id(framework_id);
  return request;
}

class FrameworkEnd : public AgentTest {
 protected:
  absl::Status TearDownFramework(
      std::optional<absl::Duration> grace_period = {}) {
    v1::TeardownFrameworkRequest request;
    request.set_framework_id(kFramework);
    if (grace_period) *request.mutable_grace_period() = ToProto(*grace_period);
    return client().Call(&Stub::TeardownFramework, request).status();
  }
  absl::Status TryRegister(
      std::optional<absl::Duration> failover_timeout = {}) {
    v1::RegisterFrameworkRequest request;
    request.mutable_framework()->set_framework_id(kFramework);
    request.mutable_framework()->set_checkpoint(true);
    if (failover_timeout) {
      *request.mutable_framework()->mutable_failover_timeout() =
          ToProto(*failover_timeout);
    }
    return client().Call(&Stub::RegisterFramework, request).status();
  }

  // Another framework with the same failover_timeout, whose stream ends now,
  // until it is gone.
  void AwaitTheEndOfOneThatLeaves() {
    v1::RegisterFrameworkRequest request;
    request.mutable_framework()->set_framework_id(kOther);
    *request.mutable_framework()->mutable_failover_timeout() =
        ToProto(absl::Seconds(1));
    Must(client().Call(&Stub::RegisterFramework, request));
    UpdateStream(client(), WatchOf(kOther)).ReadSnapshot();
    EXPECT_TRUE(Eventually([&] { return Info().frameworks() == 1; }));
  }

  bool HasRecord() {
    return access(absl::StrCat(agent().work_dir(), "/meta/frameworks/",
                               kFramework, ".record")
                      .c_str(),
                  F_OK) == 0;
  }
  bool HasDirectory(const v1::Task& task) {
    return access(absl::StrCat(agent().work_dir(), "/executors/",
                               task.container_id())
                      .c_str(),
                  F_OK) == 0;
  }
  // With everything that was its; others' tasks are where they were.
  void ExpectGone(const v1::Task& task) {
    EXPECT_TRUE(Eventually([&] { return !HasRecord(); }));
    EXPECT_FALSE(HasDirectory(task));
    EXPECT_THAT(List(), IsEmpty());
    EXPECT_TRUE(Eventually([&] {  // a moment after its file
      return absl::IsNotFound(TryLaunch(ShellTask("late", "true")).status());
    }));
  }
};

TEST_F(FrameworkEnd, EndsItsExecutorsAndForgetsIt) {
  Register(kFramework);
  Register(kOther);
  const v1::Task task = LaunchStubborn("gone", absl::ZeroDuration());
  const v1::Task other = LaunchStubborn("kept", absl::ZeroDuration(), kOther);
  const ProcessWatch executor(task.pid());
  UpdateStream stream(client(), WatchOf(kFramework));
  stream.ReadSnapshot();

  ASSERT_TRUE(TearDownFramework().ok());

  const v1::TaskStatus end = stream.ReadUpdate().status();
  EXPECT_EQ(end.state(), v1::TASK_KILLED);
  EXPECT_EQ(end.reason(), v1::REASON_FRAMEWORK_REMOVED);
  EXPECT_THAT(end.message(), HasSubstr("torn down"));
  const absl::Status over = stream.WaitForEnd();
  EXPECT_TRUE(absl::IsAborted(over)) << over;
  EXPECT_FALSE(executor.Runs());
  EXPECT_FALSE(HasRecord());
  EXPECT_FALSE(HasDirectory(task));
  ASSERT_EQ(List().size(), 1u);
  EXPECT_EQ(List()[0].pid(), other.pid());
}

TEST_F(FrameworkEnd, RefusesItMeanwhileAndLetsItBeginAnewAfterwards) {
  Register(kFramework);
  const v1::Task task = LaunchStubborn("stubborn", absl::Hours(1));
  ASSERT_TRUE(TearDownFramework().ok());

  const absl::Status launch = TryLaunch(ShellTask("new", "true")).status();
  const absl::Status known = TryLaunch(ShellTask("stubborn", "true")).status();
  const absl::Status registration = TryRegister();

  EXPECT_TRUE(absl::IsFailedPrecondition(launch)) << launch;
  EXPECT_TRUE(known.ok()) << known << "; a repeat has its answer";
  EXPECT_TRUE(absl::IsUnavailable(registration)) << registration;
  ASSERT_TRUE(TearDownFramework(absl::ZeroDuration()).ok()) << "sooner";
  EXPECT_TRUE(Eventually([&] { return TryRegister().ok(); }));
  EXPECT_THAT(List(), IsEmpty());
  EXPECT_TRUE(TryLaunch(ShellTask("stubborn", "sleep 1000")).ok());
}

TEST_F(FrameworkEnd, GoesOnAfterTheAgentWasKilled) {
  Register(kFramework);
  const v1::Task task = LaunchStubborn("stubborn", absl::Seconds(1));
  const ProcessWatch executor(task.pid());
  ASSERT_TRUE(TearDownFramework().ok());

  RestartAgent();

  executor.WaitForEnd(absl::Seconds(20));
  ExpectGone(task);
}

TEST_F(FrameworkEnd, GoesOnWithExecutorsThatEndedWhileTheAgentWasAway) {
  Register(kFramework);
  // Takes SIGTERM for a sign, and lives on.
  const std::string told = Scratch("told");
  const std::string ready = Scratch("ready");
  const v1::Task task = Launch(WithGrace(
      ShellTask("told", absl::StrCat("trap 'touch ", told, "' TERM; touch ",
                                     ready, "; while :; do sleep 0.01; done")),
      absl::Seconds(1)));
  const ProcessWatch shim(task.shim_pid());
  ASSERT_TRUE(Eventually([&] { return access(ready.c_str(), F_OK) == 0; }));
  ASSERT_TRUE(TearDownFramework().ok());
  ASSERT_TRUE(Eventually([&] { return access(told.c_str(), F_OK) == 0; }));
  KillAgent();
  shim.WaitForEnd(absl::Seconds(20));

  RestartAgent();

  ExpectGone(task);
}

TEST_F(FrameworkEnd, EndsOneWhoseShimWasAwayWhenItIsBack) {
  Register(kFramework);
  const v1::Task task = LaunchStubborn("away", absl::ZeroDuration());
  const ProcessWatch executor(task.pid());
  const ProcessWatch shim(task.shim_pid());
  shim.Kill(SIGSTOP);
  RestartAgent();
  ASSERT_TRUE(TearDownFramework().ok());
  EXPECT_TRUE(HasRecord());
  EXPECT_TRUE(executor.Runs());

  shim.Kill(SIGCONT);

  executor.WaitForEnd(absl::Seconds(20));
  ExpectGone(task);
}

TEST_F(FrameworkEnd, IsKnownOfAFrameworkWithoutCheckpointToo) {
  Register(kFramework, /*checkpoint=*/false);
  const v1::Task task = LaunchStubborn("plain", absl::ZeroDuration());
  const ProcessWatch executor(task.pid());

  ASSERT_TRUE(TearDownFramework().ok());

  executor.WaitForEnd(absl::Seconds(20));
  EXPECT_TRUE(Eventually([&] { return List().empty(); }));
  EXPECT_TRUE(
      Eventually([&] { return absl::IsNotFound(TearDownFramework()); }));
}

TEST_F(FrameworkEnd, CanBeAskedForByAPerson) {
  Register(kFramework);
  const v1::Task task = LaunchStubborn("gone", absl::Hours(1));
  const ProcessWatch executor(task.pid());

  const auto unknown = ctl::RunCtl(address(), {"teardown", "strangers"});
  const auto done =
      ctl::RunCtl(address(), {"teardown", "--grace", "0s", kFramework});

  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("FRAMEWORK_UNKNOWN"));
  EXPECT_EQ(done.exit_code, 0) << done.err;
  executor.WaitForEnd(absl::Seconds(20));
  ExpectGone(task);
}

// --- failover_timeout ------------------------------------------------------

TEST_F(FrameworkEnd, ComesWhenItsStreamHasBeenAwayForFailoverTimeout) {
  ASSERT_TRUE(TryRegister(absl::Seconds(1)).ok());
  const v1::Task task = LaunchStubborn("left", absl::ZeroDuration());
  const ProcessWatch executor(task.pid());
  UpdateStream all(client(), WatchOf(""));
  all.ReadSnapshot();
  absl::Time left;
  {
    UpdateStream stream(client(), WatchOf(kFramework));
    stream.ReadSnapshot();
    left = absl::Now();
  }

  const absl::Time ended = executor.WaitForEnd(absl::Seconds(20));

  EXPECT_GE(ended - left, absl::Milliseconds(990));
  const v1::TaskStatus end = all.ReadUpdate().status();
  EXPECT_EQ(end.reason(), v1::REASON_FRAMEWORK_REMOVED);
  EXPECT_THAT(end.message(), HasSubstr("failover_timeout (1s)"));
  ExpectGone(task);
}

TEST_F(FrameworkEnd, DoesNotComeWhileAnotherClientHasTakenOver) {
  ASSERT_TRUE(TryRegister(absl::Seconds(1)).ok());
  const v1::Task task = LaunchStubborn("kept", absl::ZeroDuration());
  const ProcessWatch executor(task.pid());
  auto former = std::make_unique<UpdateStream>(client(), WatchOf(kFramework));
  former->ReadSnapshot();

  UpdateStream newer(client(), WatchOf(kFramework));
  newer.ReadSnapshot();

  const absl::Status taken_over = former->WaitForEnd();
  EXPECT_TRUE(absl::IsAborted(taken_over)) << taken_over;
  former.reset();
  // The time of an absent framework passes, and this one is present.
  AwaitTheEndOfOneThatLeaves();
  EXPECT_TRUE(executor.Runs());
}

TEST_F(FrameworkEnd, ComesAfterTheAgentsStartWhenNobodyIsBack) {
  ASSERT_TRUE(TryRegister(absl::Seconds(11)).ok());
  const v1::Task task = LaunchStubborn("left", absl::ZeroDuration());
  const ProcessWatch executor(task.pid());
  RestartAgent();

  executor.WaitForEnd(absl::Seconds(40));

  ExpectGone(task);
}

}  // namespace
}  // namespace holdfast
