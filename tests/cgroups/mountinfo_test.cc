#include "cgroups/mountinfo.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(Mountinfo, FindsV2WithAnyNumberOfOptionalFields) {
  const auto mounts = ParseCgroupMounts(
      "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 master:1 - cgroup2 "
      "cgroup2 rw,nsdelegate,memory_recursiveprot\n");

  ASSERT_EQ(mounts.size(), 1u);
  EXPECT_EQ(mounts[0].path, "/sys/fs/cgroup");
  EXPECT_TRUE(mounts[0].is_v2);
  EXPECT_FALSE(mounts[0].read_only);
}

TEST(Mountinfo, FindsTheControllersOfAV1Hierarchy) {
  const auto mounts = ParseCgroupMounts(
      "30 26 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 - cgroup cgroup "
      "rw,cpu,cpuacct\n");

  ASSERT_EQ(mounts.size(), 1u);
  EXPECT_FALSE(mounts[0].is_v2);
  EXPECT_TRUE(mounts[0].HasOption("cpu"));
  EXPECT_TRUE(mounts[0].HasOption("cpuacct"));
  EXPECT_FALSE(mounts[0].HasOption("cpuset"));
}

TEST(Mountinfo, TellsReadOnlyMountsByEitherOfTheirOptions) {
  const auto mounts = ParseCgroupMounts(
      "30 26 0:27 / /a ro,nosuid - cgroup cgroup rw,cpu\n"
      "31 26 0:28 / /b rw,nosuid - cgroup cgroup ro,memory\n"
      "32 26 0:29 / /c rw,errors=remount-ro - cgroup cgroup rw,pids\n");

  ASSERT_EQ(mounts.size(), 3u);
  EXPECT_TRUE(mounts[0].read_only);
  EXPECT_TRUE(mounts[1].read_only);
  EXPECT_FALSE(mounts[2].read_only);
}

TEST(Mountinfo, DecodesBlanksInPaths) {
  const auto mounts = ParseCgroupMounts(
      "35 24 0:30 / /my\\040groups\\134\\011x rw - cgroup2 cgroup2 rw\n");

  ASSERT_EQ(mounts.size(), 1u);
  EXPECT_EQ(mounts[0].path, "/my groups\\\tx");
}

TEST(Mountinfo, LeavesOutWhatALaterMountHides) {
  const auto mounts = ParseCgroupMounts(
      "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
      "36 35 0:31 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
      "37 36 0:32 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n");

  ASSERT_EQ(mounts.size(), 1u);
  EXPECT_EQ(mounts[0].path, "/sys/fs/cgroup/pids");
}

TEST(Mountinfo, LeavesOutLinesThatItCannotRead) {
  EXPECT_TRUE(ParseCgroupMounts("").empty());
  EXPECT_TRUE(ParseCgroupMounts("\n\n- - - -\n").empty());
  EXPECT_TRUE(ParseCgroupMounts("35 24 0:30 / /x rw - cgroup2").empty());
  EXPECT_TRUE(ParseCgroupMounts("35 24 0:30 / /x rw cgroup2 a b c").empty());
}

}  // namespace
}  // namespace holdfast
