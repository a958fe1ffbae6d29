#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "hack/local_agent/child_process.h"
#include "tests/bench/containerd/client.h"
#include "tests/containerd/peers.h"

namespace holdfast::bench {

// A containerd of its own and the tasks of one shim under it. Two of these, one
// a shim, are the same in all else, and what is compared is measured in turns.
class ContainerdDaemon {
 public:
  // Below `directory`, which is there; `oci_runtime` runs the containers.
  static absl::StatusOr<std::unique_ptr<ContainerdDaemon>> Start(
      const containerd::Peer& peer, const containerd::Shim& shim,
      const std::string& oci_runtime, const std::string& directory);
  ~ContainerdDaemon();  // ends all of it, whatever state it is in

  // New containers, registered, not launched. `own_group`: the shims go to a
  // cgroup that holds nothing else.
  absl::StatusOr<std::vector<std::string>> Register(int n,
                                                    bool own_group = false);
  // Launch, and End with Unregister, of all, so many at a time.
  absl::Status LaunchAll(const std::vector<std::string>& ids, int width);
  absl::Status EndAll(const std::vector<std::string>& ids, int width);

  absl::Status Crash();  // kill -9, and reaped
  // From its start until so many tasks are listed as RUNNING.
  absl::StatusOr<absl::Duration> StartAgain(int tasks);

  std::vector<pid_t> ShimPids() const;
  // What is charged to the group of Register(own_group), kernel memory too.
  absl::StatusOr<double> ShimGroupKib() const;
  ContainerdClient& client() { return *client_; }

 private:
  ContainerdDaemon(const containerd::Peer& peer, const containerd::Shim& shim,
                   std::string oci_runtime, std::string directory);
  void WriteConfig() const;
  absl::Status MakeShimGroup() const;
  absl::Status Spawn();
  std::string Socket() const { return directory_ + "/c.sock"; }

  const containerd::Peer peer_;
  const containerd::Shim shim_;
  const std::string oci_runtime_;
  const std::string directory_;
  const std::string cgroup_;  // of the shims; the tasks have <this>-<id>
  std::optional<hack::ChildProcess> process_;
  std::unique_ptr<ContainerdClient> client_;
  int named_ = 0;
};

// act(i) for each i below `n`, so many at a time; the first error.
absl::Status InParallel(size_t n, int width,
                        const std::function<absl::Status(size_t)>& act);

}  // namespace holdfast::bench
