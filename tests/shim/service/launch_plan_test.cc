#include "shim/service/launch_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

namespace holdfast::shim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LaunchPlan, SaysWhatTheIntentSays) {
  v1::LaunchSpec spec;
  spec.add_join_files("/cpu/cgroup.procs");
  spec.set_cgroup_directory("/v2/executor");
  for (const char* word : {"run", "a b"}) spec.add_argv(word);
  spec.add_environment("A=1");
  for (const char* path : {"/bin/run", "/opt/run"}) spec.add_search_path(path);
  spec.set_working_directory("/tmp");
  spec.set_change_user(true);
  spec.set_uid(7);
  spec.set_gid(8);
  spec.add_groups(8);
  spec.add_groups(9);

  const LaunchPlan plan = MakeLaunchPlan(spec);

  EXPECT_THAT(plan.join_files, ElementsAre("/cpu/cgroup.procs"));
  EXPECT_EQ(plan.cgroup_directory, "/v2/executor");
  EXPECT_THAT(plan.argv, ElementsAre("run", "a b"));
  EXPECT_THAT(plan.environment, ElementsAre("A=1"));
  EXPECT_THAT(plan.search_path, ElementsAre("/bin/run", "/opt/run"));
  EXPECT_EQ(plan.working_directory, "/tmp");
  EXPECT_TRUE(plan.change_user);
  EXPECT_EQ(plan.uid, 7u);
  EXPECT_EQ(plan.gid, 8u);
  EXPECT_THAT(plan.groups, ElementsAre(8u, 9u));
}

TEST(LaunchPlan, KeepsEveryBitOfALimit) {
  v1::LaunchSpec spec;
  v1::LaunchSpec::Limit& limit = *spec.add_limits();
  limit.set_resource(RLIMIT_CORE);
  limit.set_soft(1);
  limit.set_hard(~uint64_t{0});

  const LaunchPlan plan = MakeLaunchPlan(spec);

  ASSERT_THAT(plan.limits, testing::SizeIs(1));
  EXPECT_EQ(plan.limits[0].resource, RLIMIT_CORE);
  EXPECT_EQ(plan.limits[0].soft, 1u);
  EXPECT_EQ(plan.limits[0].hard, RLIM64_INFINITY);
}

TEST(LaunchPlan, LeavesDescriptorsToTheLauncher) {
  const LaunchPlan plan = MakeLaunchPlan(v1::LaunchSpec());

  EXPECT_EQ(plan.stdout_fd, -1);
  EXPECT_EQ(plan.stderr_fd, -1);
  EXPECT_THAT(plan.argv, IsEmpty());
  EXPECT_FALSE(plan.change_user);
}

}  // namespace
}  // namespace holdfast::shim
