#pragma once

#include <string>
#include <vector>

#include "shim/rpc/grpc_server.h"

namespace holdfast::rpc {

// What the handlers of a test's server have seen.
struct ServiceLog {
  int made = 0;       // handlers
  int destroyed = 0;  // and their ends
  int gone = 0;       // OnGone()
  int messages = 0;
  int half_closed = 0;
  std::vector<ServerCall*> hanging;  // calls of /test.T/Hang not yet over
};

// The methods that the wire is tested with:
//   /test.T/Unary  the response is the request
//   /test.T/Fail   ends with the status that the request is ("5 some text"),
//                  and the reason TEST_REASON
//   /test.T/Echo   a stream: each message comes back, OK after the last
//   /test.T/Count  "<n> <bytes>": n messages of that many bytes, then OK
//   /test.T/Hang   neither answers nor ends
// `log` outlives the server.
void AddTestService(GrpcServer& server, ServiceLog& log);

// The status that /test.T/Fail makes of a request.
absl::Status StatusOfRequest(absl::string_view request);

}  // namespace holdfast::rpc
