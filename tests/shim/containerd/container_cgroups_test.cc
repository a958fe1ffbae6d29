#include "shim/containerd/container_cgroups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace holdfast::containerd {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr char kHybrid[] =
    "30 29 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    "31 29 0:27 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
    "32 29 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup "
    "rw,cpu,cpuacct\n"
    "33 29 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

TEST(ContainerCgroups, AreV1OnAHybridHost) {
  const ContainerCgroups groups = ParseContainerCgroups(
      "9:name=systemd:/a\n4:memory:/a:b/c\n2:cpu,cpuacct:/d\n1:pids:/a\n"
      "0::/u\nnonsense\n",
      kHybrid);

  EXPECT_FALSE(groups.is_v2());
  EXPECT_THAT(groups.v1,
              ElementsAre(Pair("cpu", "/sys/fs/cgroup/cpu,cpuacct/d"),
                          Pair("cpuacct", "/sys/fs/cgroup/cpu,cpuacct/d"),
                          Pair("memory", "/sys/fs/cgroup/memory/a:b/c")));
  EXPECT_EQ(groups.v2, "/sys/fs/cgroup/unified/u");
  EXPECT_EQ(groups.V1("pids"), "") << "it is mounted nowhere";
}

// So v1 says of a process that ends.
TEST(ContainerCgroups, AreNeverEverybodys) {
  const ContainerCgroups part =
      ParseContainerCgroups("4:memory:/a\n2:cpu,cpuacct:/\n0::/a\n", kHybrid);
  EXPECT_THAT(part.v1, ElementsAre(Pair("memory", "/sys/fs/cgroup/memory/a")));

  const ContainerCgroups none =
      ParseContainerCgroups("4:memory:/\n2:cpu,cpuacct:/\n0::/a\n", kHybrid);
  EXPECT_TRUE(none.v1.empty());
  EXPECT_EQ(none.v2, "") << "its controllers are v1's";
}

TEST(ContainerCgroups, AreV2WhereThatIsAll) {
  const ContainerCgroups groups = ParseContainerCgroups(
      "0::/kubepods/pod\n",
      "30 29 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");

  EXPECT_TRUE(groups.is_v2());
  EXPECT_EQ(groups.v2, "/sys/fs/cgroup/kubepods/pod");
}

TEST(ContainerCgroups, AreFoundForALivingProcessAlone) {
  EXPECT_TRUE(FindContainerCgroups(getpid()).ok());
  EXPECT_TRUE(absl::IsNotFound(FindContainerCgroups(1 << 30).status()));
}

TEST(ContainerCgroups, HoldNobodyWhenTheyAreGone) {
  ContainerCgroups groups;
  EXPECT_TRUE(PidsOf(groups).empty());
  groups.v2 = "/nonesuch";
  EXPECT_TRUE(PidsOf(groups).empty());
}

}  // namespace
}  // namespace holdfast::containerd
