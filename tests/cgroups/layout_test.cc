#include "cgroups/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast {
namespace {

using Kind = ControllerPlace::Kind;
using testing::ElementsAre;
using testing::HasSubstr;

// Debian 12 as it comes.
constexpr char kPureV2[] =
    "28 23 0:25 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - "
    "cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n";

// CentOS 7: no v2 tree at all, cpu and cpuacct share a hierarchy.
constexpr char kLegacy[] = R"(
25 19 0:20 / /sys/fs/cgroup ro,nosuid shared:8 - tmpfs tmpfs ro,mode=755
26 25 0:21 / /sys/fs/cgroup/systemd rw shared:9 - cgroup cgroup rw,name=systemd
28 25 0:23 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 - cgroup cgroup rw,cpuacct,cpu
29 25 0:24 / /sys/fs/cgroup/memory rw shared:11 - cgroup cgroup rw,memory
30 25 0:25 / /sys/fs/cgroup/pids rw shared:12 - cgroup cgroup rw,pids
31 25 0:26 / /sys/fs/cgroup/freezer rw shared:13 - cgroup cgroup rw,freezer
)";

// Debian 10: a v2 tree without controllers beside v1.
constexpr char kHybrid[] = R"(
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:27 / /sys/fs/cgroup/unified rw shared:10 - cgroup2 cgroup2 rw
33 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
34 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
36 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
37 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
38 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
)";

UnifiedTree Usable(std::vector<std::string> controllers) {
  UnifiedTree tree;
  tree.controllers = std::move(controllers);
  return tree;
}

UnifiedTree Unusable(std::string why) {
  UnifiedTree tree;
  tree.why_unusable = std::move(why);
  return tree;
}

TEST(Layout, OfPureV2HasAllInOneTree) {
  const auto layout = ChooseLayout(
      ParseCgroupMounts(kPureV2),
      Usable({"cpuset", "cpu", "io", "memory", "hugetlb", "pids"}));

  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->mode, CgroupsMode::kV2);
  EXPECT_THAT(layout->Mounts(), ElementsAre("/sys/fs/cgroup"));
  EXPECT_EQ(layout->tracking_mount, "/sys/fs/cgroup");
  for (const Controller controller : kControllers) {
    EXPECT_EQ(layout->place(controller).kind, Kind::kV2);
    EXPECT_EQ(layout->place(controller).mount, "/sys/fs/cgroup");
  }
}

TEST(Layout, OfPureV2NamesTheControllerThatIsNotThere) {
  const auto layout =
      ChooseLayout(ParseCgroupMounts(kPureV2), Usable({"cpu", "pids"}));

  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->mode, CgroupsMode::kV2);
  EXPECT_EQ(layout->place(Controller::kMemory).kind, Kind::kNowhere);
  EXPECT_EQ(layout->place(Controller::kMemory).why_not,
            "no memory controller is mounted");
}

TEST(Layout, OfLegacyV1TracksInTheFreezerAndUsesASharedHierarchyOnce) {
  const auto layout = ChooseLayout(ParseCgroupMounts(kLegacy), {});

  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->mode, CgroupsMode::kV1);
  EXPECT_EQ(layout->tracking_mount, "/sys/fs/cgroup/freezer");
  EXPECT_EQ(layout->cpuacct_mount, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_THAT(
      layout->Mounts(),
      ElementsAre("/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/freezer",
                  "/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids"));
}

TEST(Layout, OfAHybridHostTracksInV2AndLimitsInV1) {
  const auto layout =
      ChooseLayout(ParseCgroupMounts(kHybrid), Usable({"hugetlb"}));

  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->mode, CgroupsMode::kHybrid);
  EXPECT_EQ(layout->tracking_mount, "/sys/fs/cgroup/unified");
  EXPECT_EQ(layout->cpuacct_mount, "");
  EXPECT_EQ(layout->place(Controller::kMemory).kind, Kind::kV1);
  EXPECT_EQ(layout->place(Controller::kMemory).mount, "/sys/fs/cgroup/memory");
}

TEST(Layout, TakesEachControllerFromWhereItIs) {
  const auto layout = ChooseLayout(
      ParseCgroupMounts("1 0 0:1 / /u rw - cgroup2 cgroup2 rw\n"
                        "2 0 0:2 / /m rw - cgroup cgroup rw,memory\n"),
      Usable({"cpu", "pids"}));

  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->mode, CgroupsMode::kHybrid);
  EXPECT_EQ(layout->place(Controller::kMemory).kind, Kind::kV1);
  EXPECT_EQ(layout->place(Controller::kPids).kind, Kind::kV2);
}

TEST(Layout, FallsBackToTheFreezerWhereV2CannotBeUsed) {
  const auto layout =
      ChooseLayout(ParseCgroupMounts(kHybrid), Unusable("no cgroup.kill"));

  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->mode, CgroupsMode::kV1);
  EXPECT_EQ(layout->tracking_mount, "/sys/fs/cgroup/freezer");
  EXPECT_EQ(layout->cpuacct_mount, "/sys/fs/cgroup/cpuacct");
}

TEST(Layout, SaysWhyThereIsNone) {
  const auto nothing = ChooseLayout({}, {});
  const auto unusable =
      ChooseLayout(ParseCgroupMounts(kPureV2), Unusable("it is read-only"));
  const auto read_only = ChooseLayout(
      ParseCgroupMounts("2 0 0:2 / /f ro - cgroup cgroup rw,freezer\n"), {});

  EXPECT_EQ(nothing.status(),
            absl::FailedPreconditionError(
                "cgroups: no v2 tree is mounted; no v1 freezer is mounted"));
  EXPECT_EQ(unusable.status(),
            absl::FailedPreconditionError(
                "cgroups: it is read-only; no v1 freezer is mounted"));
  EXPECT_EQ(read_only.status(),
            absl::FailedPreconditionError("cgroups: no v2 tree is mounted; /f "
                                          "is mounted read-only"));
}

}  // namespace
}  // namespace holdfast
