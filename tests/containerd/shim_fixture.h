#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "gtest/gtest.h"
#include "tests/containerd/command.h"
#include "tests/containerd/events_server.h"
#include "tests/containerd/peers.h"
#include "tests/containerd/test_bundle.h"
#include "tests/containerd/ttrpc_caller.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast::containerd {

// A shim, started as containerd starts one but without any: bundle, FIFO
// `log`, events socket, OCI runtime (runc, with a root of the test's own).
// After each test everything must be gone: processes, mounts, cgroups, the
// runtime's state, sockets. What is not, fails the test and is removed.
class ShimTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // A name that nobody else uses; containers are called after it.
  const std::string& unique() const { return unique_; }
  std::string Scratch(const std::string& name) const {
    return directory_ / name;
  }
  std::string BundleOf(const std::string& id) const;
  // Its cgroup gets a name of its own where `options` has none.
  void MakeBundleOf(const std::string& id, OciBundleOptions options = {});
  // A bind mount of busybox, for Create.
  const std::string& rootfs() const { return rootfs_; }
  std::string runtime_root() const { return Scratch("runc"); }
  // Below it our shim has its directories.
  std::string holdfast_directory() const { return Scratch("holdfast"); }

  // `SHIM … -id ID ACTION`, in the bundle, as containerd runs it.
  CommandResult RunShim(const Shim& shim, const std::string& id,
                        const std::string& action,
                        const std::string& input = "");
  // `start`, and connects; null, and a failure of the test: it did not start.
  std::unique_ptr<TtrpcCaller> StartShim(const Shim& shim,
                                         const std::string& id,
                                         const std::string& input = "");
  // The path of the socket that `start` printed, in whatever form.
  static std::string AddressIn(const std::string& answer);

  EventsServer& events() { return *events_; }
  // Of shims of this test that run.
  std::vector<pid_t> ShimPids() const;

  // Once they are gone, or after a while, what is left of processes, mounts,
  // cgroups, state and sockets: a line for each. Then it is removed.
  std::vector<std::string> SweepLeftovers();

 private:
  void KillEverything();
  std::vector<std::string> Leftovers() const;

  TemporaryDirectory directory_;
  // mkdtemp(3) made it so. Never empty: all with it in their names are killed.
  const std::string unique_ =
      std::filesystem::path(directory_.path()).filename();
  std::string rootfs_;
  std::unique_ptr<EventsServer> events_;
  std::set<std::string> sockets_;
  std::vector<UniqueFd> logs_;
};

}  // namespace holdfast::containerd
