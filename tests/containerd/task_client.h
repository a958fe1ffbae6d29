#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/containerd/task.pb.h"
#include "tests/containerd/ttrpc_caller.h"

namespace holdfast::containerd {

namespace task = ::containerd::task::v2;

// containerd.task.v2.Task, typed. An empty exec id means the init process.
class TaskClient {
 public:
  static constexpr absl::Duration kTimeout = absl::Seconds(30);

  // `version` 3: containerd.task.v3.Task, whose messages are the same.
  explicit TaskClient(TtrpcCaller& caller, int version = 2);

  template <typename Response, typename Request>
  absl::StatusOr<Response> Call(const std::string& method,
                                const Request& request,
                                absl::Duration timeout = kTimeout) {
    return Parsed<Response>(caller_.Await(Begin(method, request), timeout));
  }
  template <typename Request>
  uint32_t Begin(const std::string& method, const Request& request) {
    return caller_.Begin(service_, method, request.SerializeAsString());
  }
  template <typename Response>
  absl::StatusOr<Response> Await(uint32_t stream,
                                 absl::Duration timeout = kTimeout) {
    return Parsed<Response>(caller_.Await(stream, timeout));
  }

  TtrpcCaller& caller() { return caller_; }

 private:
  template <typename Response>
  static absl::StatusOr<Response> Parsed(
      const absl::StatusOr<std::string>& answer) {
    if (!answer.ok()) return answer.status();
    Response response;
    if (!response.ParseFromString(*answer))
      return absl::InternalError("the answer is no " + response.GetTypeName());
    return response;
  }

  TtrpcCaller& caller_;
  const std::string service_;
};

}  // namespace holdfast::containerd
