// What an owner may not ask: an error that names the thing, and nothing of it.

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/containerizer_fixture.h"

namespace holdfast {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class BadContainer : public ContainerizerTest {
 protected:
  // Nothing is made, and the owner stays unknown.
  void ExpectRefused(const std::string& id, const v1::ContainerConfig& config,
                     const std::string& named,
                     const std::string& owner = kOwner) {
    const absl::Status status = TryLaunchContainer(id, config, owner).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << named << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(named));
    EXPECT_THAT(List(), IsEmpty());
    EXPECT_EQ(Info().frameworks(), 0u);
  }
};

TEST_F(BadContainer, IsRefusedWithTheFieldsName) {
  const v1::ContainerConfig good = Shell("true");
  ExpectRefused("a/b", good, "container_id");
  ExpectRefused("", good, "container_id");
  ExpectRefused(std::string(243, 'x'), good, "container_id");
  ExpectRefused("c-1", good, "owner", "");
  ExpectRefused("c-1", good, "owner", "..");
  ExpectRefused("c-1", good, "owner", std::string(229, 'x'));
  ExpectRefused("c-1", v1::ContainerConfig(), "command");

  v1::ContainerConfig config = good;
  config.mutable_resources()->set_memory_bytes(1024);
  ExpectRefused("c-1", config, "memory_bytes");
  config = good;
  config.mutable_command()->set_working_directory("relative");
  ExpectRefused("c-1", config, "working_directory");
  config = good;
  config.mutable_recovery_timeout()->set_seconds(-1);
  ExpectRefused("c-1", config, "recovery_timeout");
  config = good;
  config.mutable_kill_policy()->mutable_grace_period()->set_seconds(-1);
  ExpectRefused("c-1", config, "grace_period");
  config = good;
  config.mutable_output()->set_max_files(1001);
  ExpectRefused("c-1", config, "max_files");
  config = good;
  for (int i = 0; i < 65; ++i) config.add_labels();
  ExpectRefused("c-1", config, "labels");
}

TEST_F(BadContainer, ThatAsksForMoreThanIsKnownIsNotSupported) {
  v1::ContainerConfig config = Shell("true");
  config.GetReflection()->MutableUnknownFields(&config)->AddVarint(999, 1);

  const auto response = Must(TryLaunchContainer("c-1", config));

  EXPECT_EQ(response.result(), v1::LaunchContainerResponse::NOT_SUPPORTED);
  EXPECT_THAT(response.message(), HasSubstr("999"));
  EXPECT_THAT(List(), IsEmpty());
}

TEST_F(BadContainer, ThatCannotBeStartedHasAnEndThatSaysWhy) {
  v1::ContainerConfig config;
  config.mutable_command()->set_value("/no/such/program");
  config.set_checkpoint(true);

  for (int again = 0; again < 2; ++again) {
    const absl::Status status = TryLaunchContainer("c-1", config).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_EQ(ReasonFrom(status), "LAUNCH_FAILED");
    EXPECT_THAT(std::string(status.message()), HasSubstr("/no/such/program"));
  }
  const auto end = Must(Wait("c-1"));
  EXPECT_EQ(end.state(), v1::TASK_FAILED);
  EXPECT_EQ(end.reason(), v1::REASON_CONTAINER_LAUNCH_FAILED);
  EXPECT_TRUE(RemoveContainer("c-1").ok());
  EXPECT_EQ(Must(TryLaunchContainer("c-1", Shell("true"))).result(),
            v1::LaunchContainerResponse::SUCCESS);
}

TEST_F(BadContainer, ThatIsUnknownIsNamedByEveryCall) {
  LaunchContainer("c-1", Shell("exec sleep 1000"));
  const auto expect_unknown = [](const absl::Status& status) {
    EXPECT_TRUE(absl::IsNotFound(status)) << status;
    EXPECT_EQ(ReasonFrom(status), "CONTAINER_UNKNOWN");
    EXPECT_THAT(std::string(status.message()), HasSubstr("container c-2"));
  };
  auto kill = About<v1::KillContainerRequest>("c-2", kOwner);
  kill.set_signal(15);

  expect_unknown(containers().Call(&Stub::Kill, kill).status());
  expect_unknown(Wait("c-2").status());
  expect_unknown(Destroy("c-2").status());
  expect_unknown(
      containers()
          .Call(&Stub::Update, About<v1::UpdateContainerRequest>("c-2", kOwner))
          .status());
  expect_unknown(
      containers()
          .Call(&Stub::Usage, About<v1::ContainerUsageRequest>("c-2", kOwner))
          .status());
  expect_unknown(
      containers()
          .Call(&Stub::Status, About<v1::ContainerStatusRequest>("c-2", kOwner))
          .status());
  EXPECT_TRUE(RemoveContainer("c-2").ok()) << "gone already";
}

TEST_F(BadContainer, IsNotHurtByWhatIsNoSignalNorALimit) {
  const ProcessWatch process(LaunchContainer("c-1", Shell("exec sleep 1000")));
  auto kill = About<v1::KillContainerRequest>("c-1", kOwner);
  auto update = About<v1::UpdateContainerRequest>("c-1", kOwner);
  update.mutable_resources()->set_cpus(-1);
  auto destroy = About<v1::DestroyContainerRequest>("c-1", kOwner);
  destroy.mutable_grace_period()->set_seconds(-1);

  for (const int signal : {0, -1, 65, 100'000}) {
    kill.set_signal(signal);
    const absl::Status status = containers().Call(&Stub::Kill, kill).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("signal"));
  }
  EXPECT_TRUE(absl::IsInvalidArgument(
      containers().Call(&Stub::Update, update).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      containers().Call(&Stub::Destroy, destroy).status()));
  EXPECT_TRUE(process.Runs());
}

}  // namespace
}  // namespace holdfast
