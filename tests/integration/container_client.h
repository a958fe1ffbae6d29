#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "api/containerizer.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "hack/local_agent/client.h"

namespace holdfast {

// An owner's way to its containerizer, over however many lives of the plugin:
// gRPC's own channel, as an agent of another make would have it.
class ContainerClient {
 public:
  using Stub = v1::Containerizer::Stub;
  template <typename Request, typename Response>
  using Method = grpc::Status (Stub::*)(grpc::ClientContext*, const Request&,
                                        Response*);

  // `address`: "unix:/run/holdfast/holdfastd.sock".
  explicit ContainerClient(const std::string& address) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 50);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub_ = v1::Containerizer::NewStub(grpc::CreateCustomChannel(
        address, grpc::InsecureChannelCredentials(), arguments));
  }

  // One try, for which the channel waits until there is a plugin.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(Method<Request, Response> method,
                                const Request& request,
                                absl::Duration timeout = absl::Seconds(20)) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    Response response;
    const grpc::Status status =
        (stub_.get()->*method)(&context, request, &response);
    if (!status.ok()) return hack::Client::ToAbsl(status);
    return response;
  }

  // And again for as long as the answer is that it cannot be told yet, or the
  // plugin died over it: every call may be repeated. CANCELLED, which is not
  // our doing, is gRPC's word for a call that met a server shutting down.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Insist(Method<Request, Response> method,
                                  const Request& request,
                                  absl::Duration timeout = absl::Seconds(30)) {
    const absl::Time deadline = absl::Now() + timeout;
    while (true) {
      absl::StatusOr<Response> answer =
          Call(method, request, deadline - absl::Now());
      const bool may_try_again = absl::IsUnavailable(answer.status()) ||
                                 absl::IsCancelled(answer.status());
      if (!may_try_again || absl::Now() > deadline) return answer;
      absl::SleepFor(absl::Milliseconds(5));
    }
  }

 private:
  std::unique_ptr<Stub> stub_;
};

}  // namespace holdfast
