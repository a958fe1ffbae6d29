#include "cgroups/keyed_file.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(KeyedFile, FindsANumberByItsWholeKey) {
  const char text[] = "oom 3\noom_kill 1\noom_group_kill 7\n";

  EXPECT_EQ(FindKeyed(text, "oom"), 3u);
  EXPECT_EQ(FindKeyed(text, "oom_kill"), 1u);
  EXPECT_EQ(FindKeyed(text, "oom_"), std::nullopt);
  EXPECT_EQ(FindKeyed("", "oom"), std::nullopt);
}

TEST(KeyedFile, ReadsNumbersAndNothingElseAsNumbers) {
  EXPECT_EQ(ParseNumber("18446744073709551615\n"), ~uint64_t{0});
  EXPECT_EQ(ParseNumber("max\n"), std::nullopt);
  EXPECT_EQ(ParseNumber("-1\n"), std::nullopt);
  EXPECT_EQ(ParseNumber(""), std::nullopt);
}

}  // namespace
}  // namespace holdfast
