#include "cgroups/unified_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "cgroups/group_tree.h"
#include "tests/cgroups/container_fixture.h"

namespace holdfast {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class UnifiedTreeTest : public ContainerTest {};
INSTANTIATE_TEST_SUITE_P(Modes, UnifiedTreeTest,
                         testing::Values(CgroupsMode::kHybrid,
                                         CgroupsMode::kV2),
                         ModeName);

TEST_P(UnifiedTreeTest, SaysThatAParentDoesNotPassAControllerOn) {
  CreateContainer();
  const std::string below = absl::StrCat(TrackedGroup(), "/below");
  ASSERT_TRUE(MakeGroups(below).ok());

  const absl::Status status = EnableController(below, Controller::kMemory);

  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("the group above does not pass this controller on"));
}

TEST_P(UnifiedTreeTest, NamesTheProcessesThatStandAgainstAController) {
  if (GetParam() != CgroupsMode::kV2) {
    GTEST_SKIP() << "this host's v2 tree has no controller of ours";
  }
  const TestProcess process(CreateContainer(), SleepForever);

  // Pids is a threaded controller, which the kernel would let pass.
  const absl::Status status =
      EnableController(TrackedGroup(), Controller::kMemory);

  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(absl::StrCat("1 processes (pid ", process.pid(), ")")));
}

TEST_P(UnifiedTreeTest, IsUsable) {
  const std::string root = absl::StrCat(root_, "/probe");
  CreateContainer();
  const std::string tracked = TrackedGroup();
  const std::string mount = tracked.substr(0, tracked.find("/" + root_));
  std::vector<std::string> made;

  const UnifiedTree tree =
      ProbeUnifiedTree({mount, true, false, {}}, root, &made);

  EXPECT_EQ(tree.why_unusable, "");
  EXPECT_THAT(made, testing::ElementsAre(absl::StrCat(mount, "/", root)));
  EXPECT_TRUE(RemoveGroups(absl::StrCat(mount, "/", root)).ok());
}

TEST(UnifiedTree, IsUnusableWhereItIsReadOnly) {
  std::vector<std::string> made;

  const UnifiedTree tree =
      ProbeUnifiedTree({"/nonexistent", true, true, {}}, "root", &made);

  EXPECT_EQ(tree.why_unusable, "the v2 tree /nonexistent is mounted read-only");
}

TEST(UnifiedTree, IsUnusableWithoutCgroupKillAndLeftAsItWas) {
  // A plain directory has no more of it than Linux 5.13.
  const std::string mount =
      absl::StrCat(testing::TempDir(), "holdfast-unified-", getpid());
  ASSERT_TRUE(MakeGroups(mount).ok());
  std::vector<std::string> made;

  const UnifiedTree tree =
      ProbeUnifiedTree({mount, true, false, {}}, "a/b", &made);

  EXPECT_THAT(tree.why_unusable, HasSubstr("has no cgroup.kill (Linux 5.14)"));
  EXPECT_THAT(made, IsEmpty());
  EXPECT_EQ(rmdir(mount.c_str()), 0) << "nothing is left in it";
}

}  // namespace
}  // namespace holdfast
