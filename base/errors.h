#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace holdfast {

// What a failed system call means to a caller, and the sentence for the
// operator: "openat meta/agent.record: No space left on device".
// `error_number` is errno, read at once after the call.
absl::Status ErrnoStatus(int error_number, absl::string_view call,
                         absl::string_view object);

// The code alone, for errors whose text comes from elsewhere.
absl::StatusCode ErrnoToCode(int error_number);

// "checkpoint executor e-7: " + what is below; OK stays OK. Payloads are kept.
absl::Status Annotate(const absl::Status& status, absl::string_view doing);

}  // namespace holdfast

// Leaves the function with the status when it is not OK.
#define HOLDFAST_RETURN_IF_ERROR(expression)                                \
  do {                                                                      \
    if (absl::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

// Declares or assigns `target` from a StatusOr, or leaves with its status.
#define HOLDFAST_ASSIGN_OR_RETURN(target, expression)                         \
  HOLDFAST_ASSIGN_OR_RETURN_AT_(HOLDFAST_JOIN_(status_or_, __LINE__), target, \
                                expression)
#define HOLDFAST_ASSIGN_OR_RETURN_AT_(name, target, expression) \
  auto name = (expression);                                     \
  if (!name.ok()) return std::move(name).status();              \
  target = *std::move(name)
#define HOLDFAST_JOIN_(a, b) HOLDFAST_JOIN_AGAIN_(a, b)
#define HOLDFAST_JOIN_AGAIN_(a, b) a##b
