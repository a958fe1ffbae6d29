#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace holdfast::rpc {

// The value of `grpc-timeout`: one to eight digits and a unit of H, M, S, m
// (millis), u, n. InvalidArgument: it is none.
absl::StatusOr<absl::Duration> ParseGrpcTimeout(absl::string_view value);

// `timeout` in the finest unit that has the digits for it, rounded up; what is
// below zero becomes zero. Not for an infinite one, which has no header.
std::string FormatGrpcTimeout(absl::Duration timeout);

}  // namespace holdfast::rpc
