#include "shim/rpc/grpc_status.h"

#include <gtest/gtest.h>

#include "absl/strings/cord.h"

namespace holdfast::rpc {
namespace {

// Encoded by hand from the gRPC specification's rule.
struct Encoding {
  absl::string_view text;
  absl::string_view encoded;
};
constexpr Encoding kEncodings[] = {
    {"", ""},
    {"plain text, with ~tilde", "plain text, with ~tilde"},
    {"100%", "100%25"},
    {"line\nbreak", "line%0Abreak"},
    {"gr\xc3\xbc\xc3\x9f", "gr%C3%BC%C3%9F"},
    {"\x7f", "%7F"},
};

absl::Status ThroughTrailers(const absl::Status& status) {
  HeaderList trailers;
  AppendStatus(status, trailers);
  return StatusFromTrailers(trailers);
}

TEST(PercentEncoding, EncodesWhatIsNotPrintableAscii) {
  for (const Encoding& encoding : kEncodings) {
    EXPECT_EQ(PercentEncode(encoding.text), encoding.encoded);
    EXPECT_EQ(PercentDecode(encoding.encoded), encoding.text);
  }
}

TEST(PercentEncoding, RestoresEveryByte) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);

  EXPECT_EQ(PercentDecode(PercentEncode(bytes)), bytes);
}

TEST(PercentEncoding, LeavesWhatIsNoEncodingAsItIs) {
  EXPECT_EQ(PercentDecode("%"), "%");
  EXPECT_EQ(PercentDecode("%4"), "%4");
  EXPECT_EQ(PercentDecode("%zz%4g"), "%zz%4g");
  EXPECT_EQ(PercentDecode("%%41"), "%A");
  EXPECT_EQ(PercentDecode("%c3%bc"), "\xc3\xbc");
}

TEST(GrpcStatus, SurvivesTheTrailersWithEveryCode) {
  for (int code = 0; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code),
                              code == 0 ? "" : "gr\xc3\xbc\xc3\x9f 100%\n");

    EXPECT_EQ(ThroughTrailers(status), status) << code;
  }
}

TEST(GrpcStatus, CarriesTheReasonAndNoOtherPayload) {
  absl::Status status = absl::AbortedError("text");
  status.SetPayload(kReasonPayload, absl::Cord("NEWER_AGENT \xc3\xbc"));
  status.SetPayload("other", absl::Cord("stays"));

  const absl::Status got = ThroughTrailers(status);

  EXPECT_EQ(got.GetPayload(kReasonPayload), absl::Cord("NEWER_AGENT \xc3\xbc"));
  EXPECT_FALSE(got.GetPayload("other").has_value());
}

TEST(GrpcStatus, CutsALongTextBetweenCharacters) {
  std::string text;
  while (text.size() < 100'000) text += "\xe2\x82\xac";  // three bytes each

  const std::string got(ThroughTrailers(absl::UnknownError(text)).message());

  EXPECT_LE(PercentEncode(got).size(), 8000);
  EXPECT_GT(got.size(), 1000);
  EXPECT_EQ(got.size() % 3, 0);
  EXPECT_EQ(got, text.substr(0, got.size()));
}

TEST(GrpcStatus, IsUnknownWithoutANumberThatWeKnow) {
  for (const char* number : {"", "x", "17", "-1", "99999999999", "1 1"}) {
    EXPECT_EQ(StatusFromTrailers({{"grpc-status", number}}).code(),
              absl::StatusCode::kUnknown)
        << number;
  }
  EXPECT_EQ(StatusFromTrailers({}).code(), absl::StatusCode::kUnknown);
}

TEST(GrpcStatus, TellsByTheHttpStatusOrTheResetWhenNothingElseCame) {
  EXPECT_EQ(StatusFromHttp("404").code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(StatusFromHttp("503").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(StatusFromHttp("x").code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(StatusFromReset(7).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(StatusFromReset(8).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(StatusFromReset(11).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(StatusFromReset(2).code(), absl::StatusCode::kInternal);
}

TEST(GrpcStatus, KnowsTheContentTypesOfGrpc) {
  EXPECT_TRUE(IsGrpcContentType("application/grpc"));
  EXPECT_TRUE(IsGrpcContentType("application/grpc+proto"));
  EXPECT_TRUE(IsGrpcContentType("application/grpc;charset=utf-8"));
  EXPECT_FALSE(IsGrpcContentType("application/grpc-web"));
  EXPECT_FALSE(IsGrpcContentType("application/json"));
  EXPECT_FALSE(IsGrpcContentType(""));
}

}  // namespace
}  // namespace holdfast::rpc
