#include "shim/rpc/grpc_timeout.h"

#include <gtest/gtest.h>

namespace holdfast::rpc {
namespace {

TEST(GrpcTimeout, ReadsEveryUnit) {
  EXPECT_EQ(*ParseGrpcTimeout("1H"), absl::Hours(1));
  EXPECT_EQ(*ParseGrpcTimeout("2M"), absl::Minutes(2));
  EXPECT_EQ(*ParseGrpcTimeout("3S"), absl::Seconds(3));
  EXPECT_EQ(*ParseGrpcTimeout("4m"), absl::Milliseconds(4));
  EXPECT_EQ(*ParseGrpcTimeout("5u"), absl::Microseconds(5));
  EXPECT_EQ(*ParseGrpcTimeout("6n"), absl::Nanoseconds(6));
  EXPECT_EQ(*ParseGrpcTimeout("99999999H"), absl::Hours(99'999'999));
  EXPECT_EQ(*ParseGrpcTimeout("0m"), absl::ZeroDuration());
}

TEST(GrpcTimeout, RefusesWhatIsNone) {
  for (const char* value :
       {"", "1", "S", "1s", "123456789S", "-1S", "1.5S", " 1S", "1S "}) {
    EXPECT_EQ(ParseGrpcTimeout(value).status().code(),
              absl::StatusCode::kInvalidArgument)
        << value;
  }
}

TEST(GrpcTimeout, WritesTheFinestUnitThatFits) {
  EXPECT_EQ(FormatGrpcTimeout(absl::Nanoseconds(7)), "7n");
  EXPECT_EQ(FormatGrpcTimeout(absl::Milliseconds(99)), "99000000n");
  EXPECT_EQ(FormatGrpcTimeout(absl::Milliseconds(100)), "100000u");
  EXPECT_EQ(FormatGrpcTimeout(absl::Hours(24)), "86400000m");
  EXPECT_EQ(FormatGrpcTimeout(absl::Hours(24 * 365)), "31536000S");
}

TEST(GrpcTimeout, RoundsUpAndStaysInRange) {
  EXPECT_EQ(FormatGrpcTimeout(absl::Milliseconds(100) + absl::Nanoseconds(1)),
            "100001u");
  EXPECT_EQ(FormatGrpcTimeout(absl::Nanoseconds(1) / 4), "1n");
  EXPECT_EQ(FormatGrpcTimeout(-absl::Seconds(1)), "0n");
  EXPECT_EQ(FormatGrpcTimeout(absl::Hours(int64_t{1} << 40)), "99999999H");
}

TEST(GrpcTimeout, IsReadAsWritten) {
  for (const absl::Duration timeout :
       {absl::Milliseconds(50), absl::Seconds(15), absl::Minutes(90)}) {
    EXPECT_EQ(*ParseGrpcTimeout(FormatGrpcTimeout(timeout)), timeout);
  }
}

}  // namespace
}  // namespace holdfast::rpc
