#include "plugin/flags/flag_types.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast {
namespace {

template <typename Flag>
std::string Error(absl::string_view text) {
  Flag flag;
  std::string error;
  EXPECT_FALSE(AbslParseFlag(text, &flag, &error)) << text;
  return error;
}

TEST(DurationFlag, IsWrittenInTheLargestExactUnit) {
  EXPECT_EQ(AbslUnparseFlag(DurationFlag{absl::Minutes(15)}), "15mins");
  EXPECT_EQ(AbslUnparseFlag(DurationFlag{absl::Hours(24 * 7)}), "1weeks");
  EXPECT_EQ(AbslUnparseFlag(DurationFlag{absl::Seconds(75)}), "75secs");
  EXPECT_EQ(AbslUnparseFlag(DurationFlag{absl::Hours(36)}), "36hrs");
  EXPECT_EQ(AbslUnparseFlag(DurationFlag{absl::Milliseconds(1500)}), "1500ms");
  EXPECT_EQ(AbslUnparseFlag(DurationFlag{absl::Nanoseconds(7)}), "7ns");
  EXPECT_EQ(AbslUnparseFlag(DurationFlag{absl::ZeroDuration()}), "0");
}

TEST(DurationFlag, ReadsWhatItWrites) {
  for (const absl::Duration value :
       {absl::Hours(24 * 365), absl::Hours(24), absl::Microseconds(1001),
        absl::Nanoseconds(1500), absl::ZeroDuration()}) {
    DurationFlag read;
    std::string error;
    EXPECT_TRUE(
        AbslParseFlag(AbslUnparseFlag(DurationFlag{value}), &read, &error))
        << error;
    EXPECT_EQ(read.value, value);
  }
}

TEST(ChoiceFlags, SayWhatIsAllowed) {
  EXPECT_EQ(Error<RecoverMode>("restart"), "allowed: reconnect, cleanup");
  EXPECT_EQ(Error<ReconfigurationPolicy>(""), "allowed: equal, additive, any");
  EXPECT_EQ(Error<OrphanPolicy>("Kill"), "allowed: leave, quarantine, kill");
}

TEST(FractionFlag, IsFromZeroToOne) {
  FractionFlag flag{};
  std::string error;

  EXPECT_TRUE(AbslParseFlag("0.25", &flag, &error));
  EXPECT_EQ(flag.value, 0.25);
  for (const char* text : {"-0.1", "1.1", "nan", "10%", ""}) {
    EXPECT_THAT(Error<FractionFlag>(text), testing::HasSubstr("from 0 to 1"));
  }
}

}  // namespace
}  // namespace holdfast
