#include "shim/rpc/grpc_status.h"

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "base/utf8.h"

namespace holdfast::rpc {
namespace {

constexpr char kHexDigits[] = "0123456789ABCDEF";

// gRPC peers refuse 8 KiB of trailers; a byte may take three.
constexpr size_t kMaxTextBytes = 2048;
constexpr size_t kMaxReasonBytes = 256;

// -1 when it is none.
int HexValue(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

absl::StatusCode CodeOfReset(uint32_t error_code) {
  switch (error_code) {  // by RFC 9113's numbers, as gRPC maps them
    case 7:              // REFUSED_STREAM: it was never processed
      return absl::StatusCode::kUnavailable;
    case 8:  // CANCEL
      return absl::StatusCode::kCancelled;
    case 11:  // ENHANCE_YOUR_CALM
      return absl::StatusCode::kResourceExhausted;
    case 12:  // INADEQUATE_SECURITY
      return absl::StatusCode::kPermissionDenied;
    default:
      return absl::StatusCode::kInternal;
  }
}

absl::StatusCode CodeOfHttp(int http_status) {
  switch (http_status) {
    case 400:
      return absl::StatusCode::kInternal;
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kUnknown;
  }
}

}  // namespace

std::string PercentEncode(absl::string_view text) {
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte >= 0x20 && byte <= 0x7e && c != '%') {
      encoded.push_back(c);
    } else {
      encoded.append({'%', kHexDigits[byte >> 4], kHexDigits[byte & 15]});
    }
  }
  return encoded;
}

std::string PercentDecode(absl::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const int high =
        text[i] == '%' && i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = high >= 0 ? HexValue(text[i + 2]) : -1;
    if (low < 0) {
      decoded.push_back(text[i]);
      continue;
    }
    decoded.push_back(static_cast<char>(high << 4 | low));
    i += 2;
  }
  return decoded;
}

void AppendStatus(const absl::Status& status, HeaderList& trailers) {
  trailers.emplace_back("grpc-status", absl::StrCat(status.raw_code()));
  if (!status.message().empty()) {
    trailers.emplace_back(
        "grpc-message",
        PercentEncode(CutUtf8(status.message(), kMaxTextBytes)));
  }
  if (const absl::optional<absl::Cord> reason =
          status.GetPayload(kReasonPayload)) {
    trailers.emplace_back(
        kReasonTrailer,
        PercentEncode(CutUtf8(std::string(*reason), kMaxReasonBytes)));
  }
}

absl::Status StatusFromTrailers(const HeaderList& trailers) {
  const std::string* const number = FindHeader(trailers, "grpc-status");
  if (number == nullptr) {
    return absl::UnknownError("the call ended without a grpc-status");
  }
  int code = 0;
  if (!absl::SimpleAtoi(*number, &code) || code < 0 || code > 16) {
    return absl::UnknownError(
        absl::StrCat("the call ended with grpc-status ", *number));
  }
  const std::string* const message = FindHeader(trailers, "grpc-message");
  absl::Status status(static_cast<absl::StatusCode>(code),
                      message == nullptr ? "" : PercentDecode(*message));
  const std::string* const reason = FindHeader(trailers, kReasonTrailer);
  if (reason != nullptr) {
    status.SetPayload(kReasonPayload, absl::Cord(PercentDecode(*reason)));
  }
  return status;
}

absl::Status StatusFromHttp(absl::string_view http_status) {
  int number = 0;
  if (!absl::SimpleAtoi(http_status, &number)) number = 0;
  return absl::Status(CodeOfHttp(number),
                      absl::StrCat("the server answered HTTP ", http_status));
}

absl::Status StatusFromReset(uint32_t error_code) {
  return absl::Status(
      CodeOfReset(error_code),
      absl::StrCat("the stream was reset with HTTP/2 error ", error_code));
}

bool IsGrpcContentType(absl::string_view content_type) {
  constexpr absl::string_view kGrpc = "application/grpc";
  if (!absl::StartsWithIgnoreCase(content_type, kGrpc)) return false;
  const absl::string_view rest = content_type.substr(kGrpc.size());
  return rest.empty() || rest[0] == '+' || rest[0] == ';';
}

}  // namespace holdfast::rpc
