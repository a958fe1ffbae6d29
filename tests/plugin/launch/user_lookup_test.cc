#include "plugin/launch/user_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

TEST(UserLookup, FindsAUserByNameAndByNumber) {
  for (const char* user : {"root", "0"}) {
    const absl::StatusOr<ResolvedUser> resolved = LookUpUser(user);

    ASSERT_TRUE(resolved.ok()) << resolved.status();
    EXPECT_EQ(resolved->uid, 0u);
    EXPECT_EQ(resolved->gid, 0u);
    EXPECT_EQ(resolved->name, "root");
    EXPECT_EQ(resolved->home, "/root");
    EXPECT_THAT(resolved->groups, Contains(0u));
  }
}

TEST(UserLookup, TakesAGroupByNameAndByNumber) {
  for (const char* user : {"root:daemon", "0:1"}) {
    const absl::StatusOr<ResolvedUser> resolved = LookUpUser(user);

    ASSERT_TRUE(resolved.ok()) << resolved.status();
    EXPECT_EQ(resolved->uid, 0u);
    EXPECT_EQ(resolved->gid, 1u);
    EXPECT_THAT(resolved->groups, Contains(1u));
  }
}

TEST(UserLookup, TakesANumberThatNobodyKnowsAsItIs) {
  const absl::StatusOr<ResolvedUser> resolved = LookUpUser("54321");

  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(resolved->uid, 54321u);
  EXPECT_EQ(resolved->gid, 54321u);
  EXPECT_THAT(resolved->groups, ElementsAre(54321u));
  EXPECT_EQ(resolved->name, "");
  EXPECT_EQ(resolved->home, "");
}

TEST(UserLookup, NamesTheUserOrTheGroupThatThereIsNot) {
  const absl::Status user = LookUpUser("nobody-2").status();
  const absl::Status group = LookUpUser("root:no-group-2").status();
  const absl::Status no_name = LookUpUser(":root").status();

  EXPECT_TRUE(absl::IsNotFound(user));
  EXPECT_EQ(user.message(), "user nobody-2: no such user");
  EXPECT_TRUE(absl::IsNotFound(group));
  EXPECT_EQ(group.message(), "group no-group-2: no such group");
  EXPECT_TRUE(absl::IsNotFound(no_name)) << no_name;
}

// setresuid(2) takes it for "leave it as it is": that would be root.
TEST(UserLookup, KnowsThatTheLastNumberIsNobody) {
  EXPECT_TRUE(absl::IsNotFound(LookUpUser("4294967295").status()));
  EXPECT_TRUE(absl::IsNotFound(LookUpUser("root:4294967295").status()));
  EXPECT_TRUE(absl::IsNotFound(LookUpUser("4294967296").status()));
}

}  // namespace
}  // namespace holdfast
