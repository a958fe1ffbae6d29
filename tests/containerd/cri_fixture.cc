#include "tests/containerd/cri_fixture.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {
namespace {

constexpr char kPauseImage[] = "docker.io/library/pause:local";

cri::ContainerRequest OfContainer(const std::string& id) {
  cri::ContainerRequest request;
  request.set_container_id(id);
  return request;
}

cri::PodSandboxRequest OfPod(const std::string& id) {
  cri::PodSandboxRequest request;
  request.set_pod_sandbox_id(id);
  return request;
}

}  // namespace

std::string CriTest::MoreConfig() const {
  const std::string plugin = "[plugins.\"io.containerd.grpc.v1.cri\"";
  return absl::StrCat(plugin, "]\nsandbox_image = \"", kPauseImage, "\"\n",
                      "restrict_oom_score_adj = true\n", plugin,
                      ".containerd]\ndefault_runtime_name = \"tested\"\n",
                      plugin, ".containerd.runtimes.tested]\nruntime_type = \"",
                      shim().runtime, "\"\n");
}

void CriTest::SetUp() {
  DaemonTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  MustCtr({"images", "import", PAUSE_IMAGE});
  std::filesystem::create_directory(Scratch("logs"));
  AwaitCri();
  // What ctr imports comes to CRI as an event.
  for (const char* image : {kImage, kPauseImage})
    EXPECT_TRUE(Eventually([&] { return client_->HasImage(image); })) << image;
}

void CriTest::TearDown() {
  if (client_ != nullptr) {
    cri::Nothing nothing;
    for (const auto& [pod, config] : pods_) {
      // Both may be called again, and for what is gone.
      (void)client_->Call(&Stub::StopPodSandbox, OfPod(pod), nothing);
      (void)client_->Call(&Stub::RemovePodSandbox, OfPod(pod), nothing);
    }
  }
  DaemonTest::TearDown();
}

void CriTest::AwaitCri() {
  client_ = std::make_unique<CriClient>(Socket());
  cri::VersionResponse response;
  EXPECT_TRUE(Eventually([&] {
    return client_->Call(&Stub::Version, cri::VersionRequest(), response).ok();
  })) << DaemonLog();
}

cri::PodSandboxConfig CriTest::PodConfig(const std::string& name) const {
  cri::PodSandboxConfig config;
  config.mutable_metadata()->set_name(name);
  config.mutable_metadata()->set_uid(unique() + name);
  config.mutable_metadata()->set_namespace_("default");
  config.set_log_directory(Scratch("logs"));
  config.mutable_linux()->set_cgroup_parent("/" + unique());
  config.mutable_linux()
      ->mutable_security_context()
      ->mutable_namespace_options()
      ->set_network(cri::NODE);
  return config;
}

std::string CriTest::RunPod(const std::string& name) {
  cri::RunPodSandboxRequest request;
  *request.mutable_config() = PodConfig(name);
  std::string pod =
      client().Must(&Stub::RunPodSandbox, request).pod_sandbox_id();
  pods_[pod] = request.config();
  return pod;
}

std::string CriTest::StartContainer(const std::string& pod,
                                    const std::string& name,
                                    const std::vector<std::string>& command,
                                    const ContainerOptions& options) {
  cri::CreateContainerRequest request;
  request.set_pod_sandbox_id(pod);
  *request.mutable_sandbox_config() = pods_[pod];
  cri::ContainerConfig& config = *request.mutable_config();
  config.mutable_metadata()->set_name(name);
  config.mutable_image()->set_image(kImage);
  for (const std::string& word : command) config.add_command(word);
  config.set_log_path(name + ".log");
  config.mutable_linux()
      ->mutable_security_context()
      ->mutable_namespace_options()
      ->set_network(cri::NODE);
  config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(
      options.memory_bytes);
  config.set_stdin(options.stdin);
  config.set_stdin_once(options.stdin_once);
  config.set_tty(options.tty);
  std::string container =
      client().Must(&Stub::CreateContainer, request).container_id();
  client().Must(&Stub::StartContainer, OfContainer(container));
  return container;
}

std::string CriTest::LogOf(const std::string& name) const {
  return Scratch("logs/" + name + ".log");
}

// A line is "TIME stdout F text", or P for a part of one.
std::string CriTest::LoggedBy(const std::string& name) const {
  std::ifstream log(LogOf(name));
  std::string said;
  for (std::string line; std::getline(log, line);) {
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::MaxSplits(' ', 3));
    if (words.size() < 4) continue;
    absl::StrAppend(&said, words[3], words[2] == "F" ? "\n" : "");
  }
  return said;
}

cri::ContainerStatus CriTest::Status(const std::string& container) {
  return client().Must(&Stub::ContainerStatus, OfContainer(container)).status();
}

cri::ContainerStatus CriTest::AwaitExit(const std::string& container) {
  EXPECT_TRUE(Eventually(
      [&] { return Status(container).state() == cri::CONTAINER_EXITED; }));
  return Status(container);
}

cri::PodSandboxState CriTest::PodState(const std::string& pod) {
  return client().Must(&Stub::PodSandboxStatus, OfPod(pod)).status().state();
}

}  // namespace holdfast::containerd
