// No failpoint is without a scenario that has to reach it.

#include "tests/crash/must_reach.h"

#include "base/failpoint_names.h"
#include "gmock/gmock.h"

namespace holdfast {
namespace {

TEST(MustReach, NamesEveryFailpointAndNoOther) {
  const std::set<std::string> known = {
#define NAME_OF(name) #name,
      HOLDFAST_FAILPOINT_NAMES(NAME_OF)
#undef NAME_OF
  };

  std::set<std::string> named;
  for (const DeathPoint& point : AllThatMustBeReached()) {
    named.insert(point.second);
  }

  EXPECT_THAT(named, testing::ContainerEq(known));
}

}  // namespace
}  // namespace holdfast
