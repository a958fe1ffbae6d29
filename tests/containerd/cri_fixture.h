#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/containerd/cri_client.h"
#include "tests/containerd/daemon_fixture.h"

namespace holdfast::containerd {

struct ContainerOptions {
  int64_t memory_bytes = 0;  // its limit; 0: none
  bool stdin = false;
  bool stdin_once = false;  // it is closed when the first Attach ends
  bool tty = false;
};

// A containerd with its CRI plugin, and us as its kubelet. Pods are on the
// host's network, so that no CNI plugin is needed. What a test ran is stopped
// and removed after it.
class CriTest : public DaemonTest {
 protected:
  using Stub = CriClient::Stub;

  void SetUp() override;
  void TearDown() override;
  std::string MoreConfig() const override;
  bool WithCri() const override { return true; }
  std::string Namespace() const override { return "k8s.io"; }

  std::string RunPod(const std::string& name);
  // Its log is LogOf(name).
  std::string StartContainer(const std::string& pod, const std::string& name,
                             const std::vector<std::string>& command,
                             const ContainerOptions& options = {});
  std::string LogOf(const std::string& name) const;
  // What its lines say, without their stamps.
  std::string LoggedBy(const std::string& name) const;
  cri::ContainerStatus Status(const std::string& container);
  cri::ContainerStatus AwaitExit(const std::string& container);
  cri::PodSandboxState PodState(const std::string& pod);
  CriClient& client() { return *client_; }
  // A daemon that was restarted serves before it is ready.
  void AwaitCri();

 private:
  cri::PodSandboxConfig PodConfig(const std::string& name) const;

  std::unique_ptr<CriClient> client_;
  std::map<std::string, cri::PodSandboxConfig> pods_;
};

}  // namespace holdfast::containerd
