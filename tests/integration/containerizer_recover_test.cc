// What an owner is told that comes back.

#include <signal.h>

#include <filesystem>

#include "base/files.h"
#include "gmock/gmock.h"
#include "plugin/checkpoint/layout.h"
#include "tests/integration/containerizer_fixture.h"

namespace holdfast {
namespace {

using State = v1::RecoverResponse;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class ContainerRecovery : public ContainerizerTest {
 protected:
  using ContainerizerTest::ContainerizerTest;

  absl::StatusOr<State> TryRecover(const std::vector<std::string>& ids,
                                   const std::string& owner = kOwner) {
    v1::RecoverRequest request;
    request.set_owner(owner);
    request.mutable_container_ids()->Add(ids.begin(), ids.end());
    return containers().Insist(&Stub::Recover, request);
  }
  std::vector<State::Container> Recover(const std::vector<std::string>& ids,
                                        const std::string& owner = kOwner) {
    const State response = Must(TryRecover(ids, owner));
    return {response.containers().begin(), response.containers().end()};
  }
  // "ID STATE", with a "*" for one that was named.
  static std::vector<std::string> Told(
      const std::vector<State::Container>& containers) {
    std::vector<std::string> told;
    for (const State::Container& container : containers) {
      told.push_back(container.container_id() + " " +
                     State::State_Name(container.state()) +
                     (container.named() ? "*" : ""));
    }
    return told;
  }
};

TEST_F(ContainerRecovery, TellsWhatIsThereAndEndsNothing) {
  const ProcessWatch lives(LaunchContainer("lives", Shell("exec sleep 1000")));
  const ProcessWatch forgotten(
      LaunchContainer("forgotten", Shell("exec sleep 1000")));
  const ProcessWatch ends(
      LaunchContainer("ends", Shell("trap 'exit 5' TERM; while :; do sleep "
                                    "0.01; done")));
  KillAgent();
  // However it takes it: what counts is that the journal knows.
  ends.Kill(SIGKILL);
  ends.WaitForEnd(absl::Seconds(20));
  StartAgent();

  const auto containers = Recover({"ends", "never", "lives", "lives"});

  ASSERT_THAT(Told(containers),
              ElementsAre("ends ENDED*", "never NEVER_STARTED*",
                          "lives RUNNING*", "forgotten RUNNING"));
  EXPECT_EQ(containers[0].termination().signal(), SIGKILL);
  EXPECT_EQ(containers[0].pid(), 0);
  EXPECT_EQ(containers[2].pid(), lives.pid());
  EXPECT_EQ(containers[3].pid(), forgotten.pid());
  EXPECT_TRUE(lives.Runs());
  EXPECT_TRUE(forgotten.Runs());
  EXPECT_THAT(
      Told(Recover({})),
      UnorderedElementsAre("ends ENDED", "lives RUNNING", "forgotten RUNNING"));
}

TEST_F(ContainerRecovery, OfAnOwnerThatIsNewIsEmpty) {
  EXPECT_THAT(Recover({}), IsEmpty());
  EXPECT_THAT(Told(Recover({"c-1"}, "stranger")),
              ElementsAre("c-1 NEVER_STARTED*"));
}

TEST_F(ContainerRecovery, IsPutOffUntilThePluginHasRecovered) {
  const ProcessWatch process(LaunchContainer("c-1", Shell("exec sleep 1000")));
  const ProcessWatch shim(Get("c-1").task().shim_pid());
  shim.Kill(SIGSTOP);
  KillAgent();
  StartAgent();

  // For two seconds it may yet answer.
  v1::RecoverRequest request;
  request.set_owner(kOwner);
  const absl::Status early =
      ContainerClient(address()).Call(&Stub::Recover, request).status();
  if (!early.ok()) {
    EXPECT_EQ(ReasonFrom(early), "RECOVERING") << early;
  }
  EXPECT_THAT(Told(Recover({"c-1"})), ElementsAre("c-1 UNATTACHED*"));

  shim.Kill(SIGCONT);
  EXPECT_TRUE(Eventually([&] {
    return Told(Recover({"c-1"})) == std::vector<std::string>{"c-1 RUNNING*"};
  }));
  EXPECT_TRUE(process.Runs());
}

TEST_F(ContainerRecovery, FindsNothingOfOneWithoutACheckpoint) {
  const ProcessWatch kept(LaunchContainer("kept", Shell("exec sleep 1000")));
  const ProcessWatch lost(
      LaunchContainer("lost", Shell("exec sleep 1000", /*checkpoint=*/false)));
  EXPECT_FALSE(Get("lost").task().checkpoint());
  KillAgent();

  lost.WaitForEnd(absl::Seconds(20));
  StartAgent();

  EXPECT_THAT(Told(Recover({"kept", "lost"})),
              ElementsAre("kept RUNNING*", "lost NEVER_STARTED*"));
  EXPECT_TRUE(kept.Runs());
  LaunchContainer("lost", Shell("exec sleep 1000"));
}

TEST_F(ContainerRecovery, TellsHowOneWithoutACheckpointEndedWithThePlugin) {
  const ProcessWatch process(
      LaunchContainer("c-1", Shell("exec sleep 1000", /*checkpoint=*/false)));
  auto waiting = std::async(std::launch::async, [this] {
    return containers().Call(&Stub::Wait,
                             About<v1::WaitContainerRequest>("c-1", kOwner));
  });
  ASSERT_TRUE(Eventually([&] { return Get("c-1").task().attached(); }));

  EXPECT_EQ(Must(agent().StopGently()), "exited 0");
  StartAgent();

  process.WaitForEnd(absl::Seconds(20));
  const auto end = waiting.get();
  // The call may not have reached the plugin before it stopped.
  if (end.ok()) {
    EXPECT_EQ(end->termination().reason(), v1::REASON_AGENT_ENDED);
  } else {
    EXPECT_TRUE(absl::IsUnavailable(end.status())) << end.status();
  }
  EXPECT_THAT(Told(Recover({"c-1"})), ElementsAre("c-1 NEVER_STARTED*"));
}

class DamagedContainer : public ContainerRecovery {
 protected:
  DamagedContainer() : ContainerRecovery({"--strict=false"}) {}
  void TearDown() override {
    // What was set aside is this test's to remove.
    if (!IsSkipped()) {
      const Layout layout = {agent().work_dir(), agent().runtime_dir()};
      EXPECT_TRUE(RemoveTree(layout.Quarantine()).ok());
    }
    ContainerRecovery::TearDown();
  }
};

TEST_F(DamagedContainer, IsNotSafeToLaunchAgain) {
  LaunchContainer("c-1", Shell("exit 5"));
  EXPECT_EQ(Must(Wait("c-1")).exit_code(), 5);
  const Layout layout = {agent().work_dir(), agent().runtime_dir()};
  const std::string id = Get("c-1").task().container_id();
  // Else it is left what it has there, or had.
  ASSERT_TRUE(
      Eventually([&] { return !std::filesystem::exists(layout.Shim(id)); }));
  KillAgent();
  ASSERT_TRUE(
      ReplaceFile(SystemFiles(), layout.Journal(id, true), "no journal at all")
          .ok());

  RestartAgent();

  ASSERT_TRUE(Eventually([&] { return List().empty(); }));
  EXPECT_THAT(Told(Recover({"c-1", "another"})),
              ElementsAre("c-1 UNKNOWN*", "another UNKNOWN*"));
}

TEST_F(ContainerRecovery, NamesNoMoreThanTenThousand) {
  std::vector<std::string> ids(10'001, "c");

  const absl::Status status = TryRecover(ids).status();

  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(testing::HasSubstr("container_ids"),
                             testing::HasSubstr("10001")));
  EXPECT_TRUE(absl::IsInvalidArgument(TryRecover({"a/b"}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(TryRecover({}, "a/b").status()));
}

}  // namespace
}  // namespace holdfast
