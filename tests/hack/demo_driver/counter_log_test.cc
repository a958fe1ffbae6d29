#include "hack/demo_driver/counter_log.h"

#include "gtest/gtest.h"

namespace holdfast::hack {
namespace {

TEST(CounterLog, MeasuresTheLongestGap) {
  const CounterLog log = ReadCounterLog("1 100.0\n2 100.1\n3 100.5\n4 100.6\n");

  EXPECT_EQ(log.lines, 4);
  EXPECT_EQ(log.missing, 0);
  EXPECT_NEAR(absl::ToDoubleMilliseconds(log.longest_gap), 400, 0.01);
  EXPECT_NEAR(absl::ToDoubleSeconds(log.last - absl::UnixEpoch()), 100.6, 1e-6);
}

TEST(CounterLog, MissesNumbersThatWereLostOrRepeated) {
  EXPECT_EQ(ReadCounterLog("1 100.0\n3 100.1\n").missing, 1);
  EXPECT_EQ(ReadCounterLog("1 100.0\n1 100.1\n2 100.2\n").missing, 1);
  EXPECT_EQ(ReadCounterLog("2 100.0\n").missing, 1) << "lost at the start";
}

TEST(CounterLog, CountsLinesThatAreSomethingElse) {
  const CounterLog log = ReadCounterLog("1 100.0\nx y\n\n2 100.1\n");

  EXPECT_EQ(log.damaged, 2);
  EXPECT_EQ(log.lines, 2);
  EXPECT_EQ(log.missing, 0);
}

TEST(CounterLog, LeavesOutALineThatIsStillBeingWritten) {
  const CounterLog log = ReadCounterLog("1 100.0\n2 100.1\n3 10");

  EXPECT_EQ(log.lines, 2);
  EXPECT_EQ(log.damaged, 0);
}

TEST(CounterLog, OfNothingHasNoLines) {
  EXPECT_EQ(ReadCounterLog("").lines, 0);
}

}  // namespace
}  // namespace holdfast::hack
