#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace holdfast::rpc {

// What stands in the frames of a call (api/containerd/ttrpc.proto).

using TtrpcMetadata = std::vector<std::pair<std::string, std::string>>;

// A request's data. An infinite `timeout`: none.
std::string EncodeTtrpcRequest(absl::string_view service,
                               absl::string_view method,
                               absl::string_view payload,
                               absl::Duration timeout,
                               const TtrpcMetadata& metadata);

// A call's end as the data of its response's frame, never more than
// kTtrpcMaxData: the response message's bytes, or an error's code and text,
// which is cut and mended so that the other end can read it.
std::string EncodeTtrpcResponse(const absl::StatusOr<std::string>& result);

// The other way. Internal: `data` is no response.
absl::StatusOr<std::string> DecodeTtrpcResponse(absl::string_view data);

// ResourceExhausted, for `what` has more than kTtrpcMaxData.
absl::Status TtrpcTooLong(absl::string_view what, size_t bytes);

}  // namespace holdfast::rpc
