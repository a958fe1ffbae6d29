#include "api/owners.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace holdfast {
namespace {

using ::testing::HasSubstr;

TEST(Owners, AreFrameworksOfANamespaceOfTheirOwn) {
  EXPECT_EQ(FrameworkOfOwner("mesos-1"), "containerizer:mesos-1");
  EXPECT_TRUE(IsOwnersFramework(FrameworkOfOwner("mesos-1")));
  EXPECT_FALSE(IsOwnersFramework("mesos-1"));
  EXPECT_FALSE(IsOwnersFramework("containerizer"));
}

TEST(Owners, HaveIdsThatTheirFrameworksCanHave) {
  EXPECT_TRUE(ValidateOwner("mesos-1").ok());
  EXPECT_TRUE(ValidateOwner(std::string(228, 'x')).ok());
  for (const std::string& id :
       {std::string(), std::string(".."), std::string("a/b"),
        std::string(229, 'x'), std::string(243, 'x')}) {
    const absl::Status status = ValidateOwner(id);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << id;
    EXPECT_THAT(std::string(status.message()), HasSubstr("owner"));
  }
}

TEST(Owners, KeepTheirNamespaceFromFrameworks) {
  EXPECT_TRUE(CheckNotAnOwners("mesos-1").ok());

  const absl::Status status = CheckNotAnOwners("containerizer:mesos-1");

  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("framework_id"));
}

}  // namespace
}  // namespace holdfast
