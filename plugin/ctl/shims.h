#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/orchestrator.pb.h"
#include "api/shim.grpc.pb.h"

namespace holdfast::ctl {

// The shims of one runtime directory, spoken to without the agent: for the
// time in which there is none. Nothing of it attaches: their fences go on.
class Shims {
 public:
  // Dials all whose sockets are below `runtime_dir` and asks each how its
  // lease stands, at once; `timeout` is for each call. An executor that is over
  // has a socket where nobody listens, and is left out. NotFound: no such
  // directory.
  static absl::StatusOr<Shims> Find(const std::string& runtime_dir,
                                    absl::Duration timeout);

  size_t count() const { return shims_.size(); }

  // As the agent's call of that name, with the same errors. A shim that does
  // not answer is among the leases, with that for its condition.
  v1::ListLeasesResponse ListLeases(const v1::ListLeasesRequest& request) const;
  absl::StatusOr<v1::ChangeLeasesResponse> ChangeLeases(
      const v1::ChangeLeasesRequest& request);

 private:
  struct Shim {
    std::unique_ptr<v1::Shim::Stub> stub;
    v1::Lease lease;
    bool checkpoint = false;
    absl::Status status;  // of the latest call
  };

  explicit Shims(absl::Duration timeout) : timeout_(timeout) {}
  void AskForStatus();
  absl::StatusOr<std::vector<Shim*>> Select(
      const v1::ChangeLeasesRequest& request);
  absl::StatusOr<Shim*> FindTask(const std::string& framework_id,
                                 const std::string& task_id);
  absl::Status Silent() const;
  static void Fill(const v1::ShimStatusResponse& response, Shim& shim);

  absl::Duration timeout_;
  std::vector<Shim> shims_;
};

}  // namespace holdfast::ctl
