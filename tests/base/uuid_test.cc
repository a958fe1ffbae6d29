#include "base/uuid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace holdfast {
namespace {

TEST(RandomUuid, HasTheUsualFormOfVersion4) {
  EXPECT_THAT(RandomUuid(),
              ::testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-"
                                      "[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
}

TEST(RandomUuid, IsAnotherEachTime) {
  std::set<std::string> uuids;
  for (int i = 0; i < 1000; ++i) uuids.insert(RandomUuid());

  EXPECT_EQ(uuids.size(), 1000u);
}

}  // namespace
}  // namespace holdfast
