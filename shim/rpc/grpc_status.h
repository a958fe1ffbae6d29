#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "shim/rpc/header_list.h"

namespace holdfast::rpc {

// How an absl::Status travels in a call's trailers:
//   grpc-status      the code's number, which absl and gRPC share
//   grpc-message     the text, percent-encoded; cut where peers would refuse it
//   holdfast-reason  the payload kReasonPayload, percent-encoded, if there is
//                    one; other payloads stay behind
inline constexpr char kReasonPayload[] = "holdfast/reason";
inline constexpr char kReasonTrailer[] = "holdfast-reason";

void AppendStatus(const absl::Status& status, HeaderList& trailers);

// Unknown when the trailers carry no status that we know.
absl::Status StatusFromTrailers(const HeaderList& trailers);

// What is left to tell by when the server's trailers never came: the HTTP
// status, or the code of RST_STREAM.
absl::Status StatusFromHttp(absl::string_view http_status);
absl::Status StatusFromReset(uint32_t error_code);

// Printable ASCII but '%' stands for itself, any other byte for %XX.
std::string PercentEncode(absl::string_view text);
// What is no %XX stands for itself: a damaged text is better than none.
std::string PercentDecode(absl::string_view text);

// "application/grpc", alone or followed by '+' or ';'.
bool IsGrpcContentType(absl::string_view content_type);

}  // namespace holdfast::rpc
