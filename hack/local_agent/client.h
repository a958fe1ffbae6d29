#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/orchestrator.grpc.pb.h"
#include "grpcpp/grpcpp.h"

namespace holdfast::hack {

using Stub = v1::Orchestrator::Stub;

// An agent's API with absl's statuses and a deadline for each call.
class Client {
 public:
  // Waits for the socket to accept, and with `listener` for the one of that
  // process: a socket outlives its agent in a child between fork and exec.
  // DeadlineExceeded: nobody listens.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(
      const std::string& socket_path, absl::Duration timeout,
      std::optional<pid_t> listener = {});

  // client.Call(&Stub::KillTask, request)
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(
      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                   Response*),
      const Request& request, absl::Duration timeout = absl::Seconds(20)) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    Response response;
    const grpc::Status status =
        (stub_.get()->*method)(&context, request, &response);
    if (!status.ok()) return ToAbsl(status);
    return response;
  }

  Stub& stub() { return *stub_; }

  static absl::Status ToAbsl(const grpc::Status& status);
  // The agent said UNAVAILABLE, and not the connection: the same call again,
  // a little later, may be answered.
  static bool MayTryAgain(const absl::Status& status);

 private:
  explicit Client(std::shared_ptr<grpc::Channel> channel)
      : stub_(v1::Orchestrator::NewStub(std::move(channel))) {}

  std::unique_ptr<Stub> stub_;
};

}  // namespace holdfast::hack
