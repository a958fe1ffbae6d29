#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/orchestrator.grpc.pb.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/sync_stream.h"

namespace holdfast::ctl {

// Speaks to the agent at one socket, over however many of its lives. It dials
// by its own connect(2), which names what is wrong and has no back-off of
// gRPC's, and dials anew after a connection broke. Not for several threads.
class Client {
 public:
  using Stub = v1::Orchestrator::Stub;
  template <typename Request, typename Response>
  using Unary = grpc::Status (Stub::*)(grpc::ClientContext*, const Request&,
                                       Response*);
  template <typename Request, typename Response>
  using Streaming = std::unique_ptr<grpc::ClientReader<Response>> (Stub::*)(
      grpc::ClientContext*, const Request&);

  // `timeout` is for each unary call.
  Client(std::string socket_path, absl::Duration timeout)
      : socket_path_(std::move(socket_path)), timeout_(timeout) {}

  // One for the same agent with a connection of its own, for another thread.
  Client Another() const { return Client(socket_path_, timeout_); }

  // OK: a connection stands, as far as one can know. See Unreachable().
  absl::Status Connect();

  // One try. The errors are FromGrpc's and Connect's.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(Unary<Request, Response> method,
                                const Request& request) {
    Response response;
    const absl::Status status = Try([&](grpc::ClientContext* context) {
      context->set_deadline(absl::ToChronoTime(absl::Now() + timeout_));
      return (stub_.get()->*method)(context, request, &response);
    });
    if (!status.ok()) return status;
    return response;
  }

  // One try. `take` gets each response until it answers false or the stream
  // ends; both are OK. DeadlineExceeded: it has not ended by `deadline`.
  template <typename Request, typename Response>
  absl::Status Read(
      Streaming<Request, Response> method, const Request& request,
      absl::FunctionRef<bool(const std::type_identity_t<Response>&)> take,
      absl::Time deadline = absl::InfiniteFuture()) {
    bool enough = false;
    const absl::Status status = Try([&](grpc::ClientContext* context) {
      context->set_deadline(absl::ToChronoTime(deadline));
      auto reader = (stub_.get()->*method)(context, request);
      Response response;
      while (!enough && reader->Read(&response)) enough = !take(response);
      if (enough) context->TryCancel();
      const grpc::Status end = reader->Finish();
      return enough ? grpc::Status::OK : end;
    });
    return status;
  }

 private:
  // Connects, calls, and forgets a connection that broke.
  absl::Status Try(absl::FunctionRef<grpc::Status(grpc::ClientContext*)> call);

  std::string socket_path_;
  absl::Duration timeout_;
  std::unique_ptr<Stub> stub_;  // null: to be dialled
};

}  // namespace holdfast::ctl
