#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "shim/rpc/grpc_server.h"

namespace holdfast::rpc {

// A method that takes one message and answers with one, as a method of
// messages. Unimplemented to the client: it sent none, or several.
GrpcServer::Method MethodOfUnary(GrpcServer::UnaryMethod method);

}  // namespace holdfast::rpc
