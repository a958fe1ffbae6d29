#include "tests/integration/containerizer_fixture.h"

#include "absl/strings/match.h"
#include "api/google_rpc.pb.h"
#include "api/owners.h"

namespace holdfast {

void ContainerizerTest::SetUp() {
  AgentTest::SetUp();
  if (IsSkipped()) return;
  containers_ = std::make_unique<ContainerClient>(address());
}

void ContainerizerTest::TearDown() {
  if (containers_ != nullptr) {
    if (agent().pid() == 0) StartAgent();
    WaitUntilRecovered();
    for (const v1::Task& task : List()) {
      if (!IsOwnersFramework(task.framework_id())) continue;
      const std::string owner =
          task.framework_id().substr(sizeof kOwnerPrefix - 1);
      EXPECT_TRUE(Destroy(task.task_id(), absl::ZeroDuration(), owner).ok());
      const absl::Status removed = RemoveContainer(task.task_id(), owner);
      EXPECT_TRUE(removed.ok()) << removed;
    }
  }
  AgentTest::TearDown();
}

v1::ContainerConfig ContainerizerTest::Shell(const std::string& line,
                                             bool checkpoint) {
  v1::ContainerConfig config;
  config.mutable_command()->set_value(line);
  config.mutable_command()->set_shell(true);
  config.set_checkpoint(checkpoint);
  return config;
}

absl::StatusOr<v1::LaunchContainerResponse>
ContainerizerTest::TryLaunchContainer(const std::string& id,
                                      const v1::ContainerConfig& config,
                                      const std::string& owner) {
  auto request = About<v1::LaunchContainerRequest>(id, owner);
  *request.mutable_config() = config;
  return containers().Call(&Stub::Launch, request);
}

int ContainerizerTest::LaunchContainer(const std::string& id,
                                       const v1::ContainerConfig& config,
                                       const std::string& owner) {
  const v1::LaunchContainerResponse launched =
      Must(TryLaunchContainer(id, config, owner));
  EXPECT_EQ(launched.result(), v1::LaunchContainerResponse::SUCCESS);
  EXPECT_GT(launched.pid(), 0);
  return launched.pid();
}

absl::StatusOr<v1::ContainerTermination> ContainerizerTest::Wait(
    const std::string& id, const std::string& owner) {
  const auto response = containers().Insist(
      &Stub::Wait, About<v1::WaitContainerRequest>(id, owner));
  if (!response.ok()) return response.status();
  return response->termination();
}

std::future<absl::StatusOr<v1::ContainerTermination>>
ContainerizerTest::WaitAside(const std::string& id, const std::string& owner) {
  return std::async(std::launch::async,
                    [this, id, owner] { return Wait(id, owner); });
}

absl::StatusOr<v1::ContainerTermination> ContainerizerTest::Destroy(
    const std::string& id, std::optional<absl::Duration> grace,
    const std::string& owner) {
  auto request = About<v1::DestroyContainerRequest>(id, owner);
  if (grace) *request.mutable_grace_period() = ToProto(*grace);
  const auto response = containers().Insist(&Stub::Destroy, request);
  if (!response.ok()) return response.status();
  return response->termination();
}

absl::Status ContainerizerTest::RemoveContainer(const std::string& id,
                                                const std::string& owner) {
  return containers()
      .Insist(&Stub::Remove, About<v1::RemoveContainerRequest>(id, owner))
      .status();
}

std::string ReasonFrom(const absl::Status& status) {
  const auto payload = status.GetPayload("google.rpc.Status");
  google::rpc::Status details;
  if (!payload || !details.ParseFromString(std::string(*payload))) return "";
  for (const auto& detail : details.details()) {
    google::rpc::ErrorInfo info;
    if (detail.UnpackTo(&info)) return info.reason();
  }
  return "";
}

}  // namespace holdfast
