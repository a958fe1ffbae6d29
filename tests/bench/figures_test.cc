#include "tests/bench/figures.h"

#include "gtest/gtest.h"

namespace holdfast::bench {
namespace {

TEST(Samples, GiveTheNearestRank) {
  Samples samples;
  for (int i = 100; i >= 1; --i) samples.Add(i);

  EXPECT_EQ(samples.Median(), 50);
  EXPECT_EQ(samples.Percentile(99), 99);
  EXPECT_EQ(samples.Max(), 100);
  EXPECT_EQ(Samples().Median(), 0);
}

TEST(Figure, IsHeldByItsDoor) {
  Figure figure;
  figure.value = 5;
  EXPECT_TRUE(figure.Held()) << "no door";
  figure.door = Door{5};
  EXPECT_TRUE(figure.Held());
  figure.door = Door{4.9};
  EXPECT_FALSE(figure.Held());
  figure.door = Door{5.1, /*at_least=*/true};
  EXPECT_FALSE(figure.Held());
}

TEST(Figure, IsOneLineOfJson) {
  Samples samples;
  samples.Add(1.5);
  Figure figure = FigureOf(samples);
  figure.section = "kill";
  figure.name = "kill_to_update";
  figure.unit = "ms";
  figure.floor = Floor{"waitid", 0.5};
  figure.door = Door{5};

  EXPECT_EQ(ToJson(figure),
            R"({"section":"kill","name":"kill_to_update","value":1.5,)"
            R"("unit":"ms","n":1,"p50":1.5,"p99":1.5,"floor":"waitid",)"
            R"("floor_value":0.5,"ratio":3,"at_most":5,"held":true})");
}

}  // namespace
}  // namespace holdfast::bench
