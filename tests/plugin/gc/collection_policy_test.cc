#include "plugin/gc/collection_policy.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

constexpr absl::Duration kWeek = absl::Hours(24 * 7);

TEST(CollectionPolicy, GivesLessTimeTheFullerTheDiskIs) {
  EXPECT_EQ(AllowedAge(kWeek, 0, 0), kWeek);
  EXPECT_EQ(AllowedAge(kWeek, 0, 0.5), kWeek / 2);
  EXPECT_EQ(AllowedAge(kWeek, 0.25, 0.5), kWeek / 4);
}

TEST(CollectionPolicy, GivesNoneInsideTheHeadroom) {
  EXPECT_EQ(AllowedAge(kWeek, 0.1, 0.95), absl::ZeroDuration());
  EXPECT_EQ(AllowedAge(kWeek, 0.1, 1), absl::ZeroDuration());
}

TEST(CollectionPolicy, NeverGivesMoreThanTheDelay) {
  EXPECT_EQ(AllowedAge(kWeek, 0, -0.5), kWeek);
}

TEST(CollectionPolicy, MeasuresARealDisk) {
  const absl::StatusOr<double> used = DiskUsed("/");

  ASSERT_TRUE(used.ok()) << used.status();
  EXPECT_GT(*used, 0);
  EXPECT_LE(*used, 1);
  EXPECT_TRUE(absl::IsNotFound(DiskUsed("/no/such/path").status()));
}

}  // namespace
}  // namespace holdfast
