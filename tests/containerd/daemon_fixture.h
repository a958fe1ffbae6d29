#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/pidfd.h"
#include "gtest/gtest.h"
#include "tests/containerd/command.h"
#include "tests/containerd/peers.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast::containerd {

// Which containerd, and which shim under it.
struct Lane {
  Peer containerd;
  Shim shim;
};
Lane Stock(const Peer& peer);
Lane Ours(const Peer& peer);
std::string LaneName(const testing::TestParamInfo<Lane>& lane);
void PrintTo(const Lane& lane, std::ostream* out);

// A containerd of the test's own: root, state, sockets and configuration below
// one temporary directory, a namespace that nobody else uses, the image
// `kImage` of busybox. After each test its containers are killed and removed
// through it, it is stopped, and what is left fails the test.
class DaemonTest : public testing::TestWithParam<Lane> {
 protected:
  static constexpr char kImage[] = "docker.io/library/busybox:local";

  void SetUp() override;
  void TearDown() override;

  // More for config.toml; before SetUp().
  virtual std::string MoreConfig() const { return ""; }
  virtual bool WithCri() const { return false; }
  virtual std::string Namespace() const { return unique_; }

  void StartDaemon();
  void KillDaemon();  // kill -9, and reaped
  void RestartDaemon() {
    KillDaemon();
    StartDaemon();
  }

  // The argv of `ctr` with these.
  std::vector<std::string> CtrCommand(std::vector<std::string> arguments) const;
  CommandResult Ctr(std::vector<std::string> arguments,
                    const CommandOptions& options = {}) const;
  // And expects that it succeeds; its output.
  std::string MustCtr(std::vector<std::string> arguments) const;
  // `ctr run` with this lane's runtime.
  std::vector<std::string> RunArguments(
      const std::vector<std::string>& flags, const std::string& id,
      const std::vector<std::string>& command) const;
  // `ctr run -d`; the pid of its init.
  pid_t RunDetached(const std::string& id,
                    const std::vector<std::string>& command);

  // "RUNNING", as `ctr task ls` says; empty: there is no such task.
  std::string StatusOf(const std::string& id) const;
  pid_t PidOf(const std::string& id) const;
  void AwaitStatus(const std::string& id, const std::string& status) const;
  // `ctr task rm`; the exit code of the task that it tells.
  int RemoveTask(const std::string& id) const;
  std::vector<pid_t> ShimPids() const;
  pid_t ShimOf(const std::string& id) const;

  // What is left is removed, and is no failure.
  void MayLeaveSomething() { may_leave_ = true; }

  const Shim& shim() const { return GetParam().shim; }
  const std::string& unique() const { return unique_; }
  std::string Scratch(const std::string& name) const {
    return directory_ / name;
  }
  std::string Socket() const { return Scratch("c.sock"); }
  std::string DaemonLog() const;

 private:
  void WriteConfig() const;
  void RemoveContainers() const;
  void StopDaemon();
  std::vector<std::string> Bundles() const;
  std::vector<std::string> RuntimeStates() const;
  std::vector<std::string> Leftovers() const;
  void Sweep();

  TemporaryDirectory directory_;
  // mkdtemp(3) made it so. Never empty: all with it in their names are killed.
  const std::string unique_ =
      std::filesystem::path(directory_.path()).filename();
  std::optional<Pidfd> daemon_;
  bool may_leave_ = false;
  std::string path_;  // PATH of all that is run
};

}  // namespace holdfast::containerd
