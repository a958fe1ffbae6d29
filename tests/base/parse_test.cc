#include "base/parse.h"

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;

absl::Duration Duration(absl::string_view text) {
  const absl::StatusOr<absl::Duration> duration = ParseDuration(text);
  EXPECT_TRUE(duration.ok()) << duration.status();
  return duration.value_or(absl::InfiniteDuration());
}

uint64_t Bytes(absl::string_view text) {
  const absl::StatusOr<uint64_t> bytes = ParseBytes(text);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.value_or(~uint64_t{0});
}

TEST(ParseDuration, ReadsMesosWords) {
  EXPECT_EQ(Duration("15mins"), absl::Minutes(15));
  EXPECT_EQ(Duration("75secs"), absl::Seconds(75));
  EXPECT_EQ(Duration("2hrs"), absl::Hours(2));
  EXPECT_EQ(Duration("1days"), absl::Hours(24));
  EXPECT_EQ(Duration("2weeks"), absl::Hours(14 * 24));
  EXPECT_EQ(Duration("100ns"), absl::Nanoseconds(100));
}

TEST(ParseDuration, ReadsGosForms) {
  EXPECT_EQ(Duration("15m"), absl::Minutes(15));
  EXPECT_EQ(Duration("500ms"), absl::Milliseconds(500));
  EXPECT_EQ(Duration("1h30m"), absl::Minutes(90));
  EXPECT_EQ(Duration("1m0.5s"), absl::Milliseconds(60500));
  EXPECT_EQ(Duration("0"), absl::ZeroDuration());
  EXPECT_EQ(Duration("0s"), absl::ZeroDuration());
  EXPECT_EQ(Duration(" 3secs "), absl::Seconds(3));
}

TEST(ParseDuration, RefusesWhatIsNoDuration) {
  for (const char* text : {"", " ", "soon", "secs", "-1s", "+1s", "1..2s", ".",
                           "1s ago", "5 s", "1e3s", "infs", "nan"}) {
    EXPECT_EQ(ParseDuration(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(ParseDuration, NamesWhatIsWrong) {
  EXPECT_THAT(std::string(ParseDuration("15").status().message()),
              HasSubstr("\"15\": a unit is missing"));
  EXPECT_THAT(std::string(ParseDuration("15parsecs").status().message()),
              HasSubstr("no unit of time: parsecs"));
  EXPECT_THAT(std::string(ParseDuration("99999999999h").status().message()),
              HasSubstr("too long"));
}

TEST(ParseBytes, ReadsEverySpelling) {
  for (const char* text : {"64MiB", "64M", "64mb", "64MB", "64mib", "67108864",
                           "65536k", "67108864B", " 64M "}) {
    EXPECT_EQ(Bytes(text), 64u << 20) << text;
  }
  EXPECT_EQ(Bytes("1GiB"), uint64_t{1} << 30);
  EXPECT_EQ(Bytes("2T"), uint64_t{2} << 40);
  EXPECT_EQ(Bytes("0"), 0u);
}

TEST(ParseBytes, RefusesWhatIsNoSize) {
  for (const char* text :
       {"", "MiB", "-1", "1.5G", "64 M", "64i", "64bb", "64MiBs", "0x10",
        "18446744073709551616", "17179869184G"}) {
    EXPECT_EQ(ParseBytes(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(ParseBytes, TakesTheLargestThatFits) {
  EXPECT_EQ(Bytes("18446744073709551615"), ~uint64_t{0});
  EXPECT_EQ(Bytes("16777215T"), uint64_t{16777215} << 40);
}

}  // namespace
}  // namespace holdfast
