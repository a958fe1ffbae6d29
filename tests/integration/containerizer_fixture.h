#pragma once

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/containerizer.pb.h"
#include "tests/integration/agent_fixture.h"
#include "tests/integration/container_client.h"

namespace holdfast {

// A real holdfastd that an owner has for its containerizer. In the end all
// containers of all owners are destroyed and removed.
class ContainerizerTest : public AgentTest {
 protected:
  using Stub = ContainerClient::Stub;
  static constexpr char kOwner[] = "other-agent";

  explicit ContainerizerTest(std::vector<std::string> flags = {})
      : AgentTest(std::move(flags)) {}

  void SetUp() override;
  void TearDown() override;

  ContainerClient& containers() { return *containers_; }

  static v1::ContainerConfig Shell(const std::string& line,
                                   bool checkpoint = true);
  absl::StatusOr<v1::LaunchContainerResponse> TryLaunchContainer(
      const std::string& id, const v1::ContainerConfig& config,
      const std::string& owner = kOwner);
  // The process, which runs.
  int LaunchContainer(const std::string& id, const v1::ContainerConfig& config,
                      const std::string& owner = kOwner);
  absl::StatusOr<v1::ContainerTermination> Wait(
      const std::string& id, const std::string& owner = kOwner);
  std::future<absl::StatusOr<v1::ContainerTermination>> WaitAside(
      const std::string& id, const std::string& owner = kOwner);
  absl::StatusOr<v1::ContainerTermination> Destroy(
      const std::string& id, std::optional<absl::Duration> grace = {},
      const std::string& owner = kOwner);
  absl::Status RemoveContainer(const std::string& id,
                               const std::string& owner = kOwner);

 private:
  std::unique_ptr<ContainerClient> containers_;
};

// What it is refused with: google.rpc.ErrorInfo's reason.
std::string ReasonFrom(const absl::Status& status);

// A request about one container.
template <typename Request>
Request About(const std::string& id, const std::string& owner) {
  Request request;
  request.set_owner(owner);
  request.set_container_id(id);
  return request;
}

}  // namespace holdfast
