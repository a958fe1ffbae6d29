// A container from its launch to its removal: launch, wait, destroy, remove.

#include <signal.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/containerizer_fixture.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

class ContainerEnd : public ContainerizerTest {
 protected:
  // A line that goes on until `file` is there, and then exits with 7.
  std::string UntilThere(const std::string& file) const {
    return absl::StrCat("until [ -e ", Scratch(file),
                        " ]; do sleep 0.01; done; exit 7");
  }
};

TEST_F(ContainerEnd, IsToldToWhoeverWaits) {
  const ProcessWatch process(LaunchContainer("c-1", Shell(UntilThere("go"))));
  auto waiting = WaitAside("c-1");
  EXPECT_TRUE(process.Runs());

  WriteFile(Scratch("go"), "");

  const auto end = Must(waiting.get());
  EXPECT_EQ(end.exit_code(), 7);
  EXPECT_FALSE(end.has_signal());
  EXPECT_EQ(end.state(), v1::TASK_FAILED);
  EXPECT_EQ(end.reason(), v1::REASON_COMMAND_EXECUTOR_FAILED);
  EXPECT_GE(FromProto(end.end_time()), FromProto(end.start_time()));
  EXPECT_EQ(Must(Wait("c-1")).SerializeAsString(), end.SerializeAsString());
}

TEST_F(ContainerEnd, IsTheTrueOneWhenThePluginWasAway) {
  const ProcessWatch process(LaunchContainer("c-1", Shell(UntilThere("go"))));
  auto waiting = WaitAside("c-1");
  KillAgent();

  WriteFile(Scratch("go"), "");
  process.WaitForEnd(absl::Seconds(20));
  StartAgent();

  EXPECT_EQ(Must(waiting.get()).exit_code(), 7);
  EXPECT_EQ(Must(Wait("c-1")).exit_code(), 7) << "until it is removed";
  RestartAgent();
  EXPECT_EQ(Must(Wait("c-1")).exit_code(), 7);
}

TEST_F(ContainerEnd, IsToBeAskedForAgainWhenThePluginStops) {
  const ProcessWatch process(LaunchContainer("c-1", Shell(UntilThere("go"))));
  auto waiting = WaitAside("c-1");

  EXPECT_EQ(Must(agent().StopGently()), "exited 0");
  StartAgent();

  EXPECT_TRUE(process.Runs());
  WriteFile(Scratch("go"), "");
  EXPECT_EQ(Must(waiting.get()).exit_code(), 7);
}

TEST_F(ContainerEnd, IsBroughtAboutByDestroyWithItsGrace) {
  LaunchContainer("soft", Shell("exec sleep 1000"));
  const std::string deaf = Scratch("deaf");
  LaunchContainer("hard",
                  Shell(absl::StrCat("trap '' TERM; touch ", deaf,
                                     "; while :; do sleep 0.01; done")));
  ASSERT_TRUE(Eventually([&] { return access(deaf.c_str(), F_OK) == 0; }));

  const auto soft = Must(Destroy("soft", absl::Seconds(20)));
  const auto hard = Must(Destroy("hard", absl::Milliseconds(50)));

  EXPECT_EQ(soft.signal(), SIGTERM);
  EXPECT_EQ(hard.signal(), SIGKILL);
  for (const auto& end : {soft, hard}) {
    EXPECT_EQ(end.state(), v1::TASK_KILLED);
    EXPECT_EQ(end.reason(), v1::REASON_TASK_KILLED_BY_REQUEST);
  }
  EXPECT_EQ(Must(Destroy("soft")).SerializeAsString(), soft.SerializeAsString())
      << "again: the same end";
}

TEST_F(ContainerEnd, ComesAlsoWhenThePluginDiesOverADestroy) {
  const std::string deaf = Scratch("deaf");
  const ProcessWatch process(LaunchContainer(
      "c-1", Shell(absl::StrCat("trap 'touch ", deaf,
                                "' TERM; while :; do sleep 0.01; done"))));
  auto destroyed = std::async(
      std::launch::async, [this] { return Destroy("c-1", absl::Seconds(2)); });
  ASSERT_TRUE(Eventually([&] { return access(deaf.c_str(), F_OK) == 0; }));

  KillAgent();
  process.WaitForEnd(absl::Seconds(20));
  StartAgent();

  const auto end = Must(destroyed.get());
  EXPECT_EQ(end.signal(), SIGKILL);
  EXPECT_EQ(end.reason(), v1::REASON_TASK_KILLED_BY_REQUEST);
}

TEST_F(ContainerEnd, IsTheFencesWhenThePluginStaysAway) {
  v1::ContainerConfig config = Shell("exec sleep 1000");
  *config.mutable_recovery_timeout() = ToProto(absl::Milliseconds(200));
  const ProcessWatch process(LaunchContainer("c-1", config));

  KillAgent();
  process.WaitForEnd(absl::Seconds(20));
  StartAgent();

  const auto end = Must(Wait("c-1"));
  EXPECT_EQ(end.state(), v1::TASK_FAILED);
  EXPECT_EQ(end.reason(), v1::REASON_RECOVERY_TIMEOUT);
}

TEST_F(ContainerEnd, IsForgottenWithRemove) {
  LaunchContainer("c-1", Shell("exit 3"));
  ASSERT_EQ(Must(Wait("c-1")).exit_code(), 3);

  EXPECT_TRUE(RemoveContainer("c-1").ok());

  EXPECT_TRUE(RemoveContainer("c-1").ok()) << "gone already";
  for (const absl::Status& status :
       {Wait("c-1").status(), Destroy("c-1").status()}) {
    EXPECT_TRUE(absl::IsNotFound(status)) << status;
    EXPECT_EQ(ReasonFrom(status), "CONTAINER_UNKNOWN");
    EXPECT_THAT(std::string(status.message()), HasSubstr("c-1"));
  }
  LaunchContainer("c-1", Shell("exit 4"));
  EXPECT_EQ(Must(Wait("c-1")).exit_code(), 4) << "its id is free";
}

TEST_F(ContainerEnd, MustHaveComeBeforeRemove) {
  const ProcessWatch process(LaunchContainer("c-1", Shell("exec sleep 1000")));

  const absl::Status status = RemoveContainer("c-1");

  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_EQ(ReasonFrom(status), "CONTAINER_NOT_ENDED");
  EXPECT_TRUE(process.Runs());
}

}  // namespace
}  // namespace holdfast
