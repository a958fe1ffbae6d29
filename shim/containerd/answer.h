#pragma once

#include <functional>
#include <utility>

#include "absl/status/statusor.h"
#include "api/containerd/task.pb.h"
#include "google/protobuf/empty.pb.h"

namespace holdfast::containerd {

namespace task = ::containerd::task::v2;
using Empty = google::protobuf::Empty;

// Ends a call of containerd's, once, now or later; from the loop.
template <typename Response>
using Answer = std::function<void(absl::StatusOr<Response>)>;

// How work that has no result of its own ends a call.
inline std::function<void(absl::Status)> AnswerEmpty(Answer<Empty> answer) {
  return [answer = std::move(answer)](const absl::Status& status) {
    if (!status.ok()) return answer(status);
    answer(Empty());
  };
}

}  // namespace holdfast::containerd
