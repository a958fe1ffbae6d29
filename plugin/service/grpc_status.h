#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace holdfast {

// The same error on the wire, with google.rpc.ErrorInfo (its reason) and, when
// it is worth trying again, RetryInfo.
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace holdfast
