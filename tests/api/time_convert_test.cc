#include "api/time_convert.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

constexpr int64_t kLongestSeconds = 315'576'000'000;

TEST(TimeConvert, BringsATimeBackAsItWas) {
  for (const absl::Time time :
       {absl::UnixEpoch(), absl::FromUnixNanos(1'800'000'000'123'456'789),
        absl::FromUnixNanos(-1), absl::FromUnixMillis(-1500)}) {
    EXPECT_EQ(FromProto(ToProto(time)), time) << time;
  }
}

TEST(TimeConvert, BringsADurationBackAsItWas) {
  for (const absl::Duration duration :
       {absl::ZeroDuration(), absl::Nanoseconds(1), absl::Hours(24 * 365),
        absl::Milliseconds(-1500)}) {
    EXPECT_EQ(FromProto(ToProto(duration)), duration) << duration;
  }
}

TEST(TimeConvert, CountsNanosecondsOfATimestampForward) {
  const google::protobuf::Timestamp timestamp =
      ToProto(absl::FromUnixMillis(-1500));

  EXPECT_EQ(timestamp.seconds(), -2);
  EXPECT_EQ(timestamp.nanos(), 500'000'000);
}

TEST(TimeConvert, GivesBothPartsOfADurationOneSign) {
  const google::protobuf::Duration duration =
      ToProto(absl::Milliseconds(-1500));

  EXPECT_EQ(duration.seconds(), -1);
  EXPECT_EQ(duration.nanos(), -500'000'000);
}

TEST(TimeConvert, ClampsADurationToTenThousandYears) {
  EXPECT_EQ(ToProto(absl::InfiniteDuration()).seconds(), kLongestSeconds);
  EXPECT_EQ(ToProto(absl::InfiniteDuration()).nanos(), 0);
  EXPECT_EQ(ToProto(-absl::InfiniteDuration()).seconds(), -kLongestSeconds);
}

TEST(TimeConvert, ClampsATimeToTheYears1To9999) {
  const google::protobuf::Timestamp last = ToProto(absl::InfiniteFuture());
  const google::protobuf::Timestamp first = ToProto(absl::InfinitePast());

  EXPECT_EQ(last.seconds(), 253'402'300'799);
  EXPECT_EQ(last.nanos(), 999'999'999);
  EXPECT_EQ(first.seconds(), -62'135'596'800);
  EXPECT_EQ(first.nanos(), 0);
}

}  // namespace
}  // namespace holdfast
