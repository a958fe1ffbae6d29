#pragma once

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/status/statusor.h"
#include "base/event_loop.h"
#include "plugin/service/grpc_status.h"

namespace holdfast {

// A unary call that is answered from the loop: `call(request, reply)` runs
// there, and calls `reply` once, at once or later. gRPC keeps request and
// response until Finish.
template <typename Request, typename Response, typename Call>
grpc::ServerUnaryReactor* AnswerFromLoop(EventLoop& loop,
                                         grpc::CallbackServerContext* context,
                                         const Request* request,
                                         Response* response, Call call) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  loop.Post([reactor, request, response, call = std::move(call)] {
    call(*request, [reactor, response](absl::StatusOr<Response> answer) {
      if (answer.ok()) *response = *std::move(answer);
      reactor->Finish(ToGrpc(answer.status()));
    });
  });
  return reactor;
}

// One that is refused before anyone is asked.
inline grpc::ServerUnaryReactor* Refuse(grpc::CallbackServerContext* context,
                                        const absl::Status& status) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(status));
  return reactor;
}

}  // namespace holdfast
