#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/containerd/runc_options.pb.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/containerd/containers.grpc.pb.h"
#include "tests/bench/containerd/tasks.grpc.pb.h"

namespace holdfast::bench {

// A container of busybox without stdio, which sleeps.
struct Sleeper {
  std::string id;
  std::string cgroup;   // below the cgroup mounts
  std::string runtime;  // io.containerd.…
  ::containerd::runc::v1::Options options;
};

// What containerd's clients call to run a container, in one namespace.
// Thread-safe. An error is containerd's, with the call's name.
class ContainerdClient {
 public:
  // `rootfs` is bind-mounted, read-only, by each container's shim.
  ContainerdClient(const std::string& socket, std::string name_space,
                   std::string rootfs);

  // containerd's record of a container alone; no shim hears of it.
  absl::Status Register(const Sleeper& sleeper);
  absl::Status Unregister(const std::string& id);

  // Create and Start: its process runs.
  absl::Status Launch(const std::string& id);
  // Kill -9, Wait and Delete: nothing is left.
  absl::Status End(const std::string& id);
  // Exec of `true`, Start and Wait: its exit status is known.
  absl::Status ExecTrue(const std::string& id, const std::string& exec_id);
  absl::Status DeleteExec(const std::string& id, const std::string& exec_id);

  // How many tasks are listed as RUNNING.
  absl::StatusOr<int> CountRunning();

 private:
  template <typename Stub, typename Request, typename Response>
  absl::Status Call(const char* name, Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                 const Request&, Response*),
                    const Request& request, Response* response);

  const std::string name_space_;
  const std::string rootfs_;
  const std::shared_ptr<grpc::Channel> channel_;
  ::containerd::services::containers::v1::Containers::Stub containers_;
  ::containerd::services::tasks::v1::Tasks::Stub tasks_;
};

}  // namespace holdfast::bench
