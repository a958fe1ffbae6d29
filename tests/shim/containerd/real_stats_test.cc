#include "shim/containerd/container_cgroups.h"
#include "shim/containerd/metrics.h"
#include "shim/containerd/oom_watch.h"
#include "tests/shim/containerd/oci_runtime_fixture.h"

namespace holdfast::containerd {
namespace {

// What a real container's cgroups tell.
class RealStatsTest : public OciRuntimeTest {
 protected:
  void Launch(const std::vector<std::string>& args, int64_t memory = 0) {
    OciBundleOptions options;
    options.args = args;
    options.memory_limit_bytes = memory;
    MakeBundle(options);
    const absl::StatusOr<pid_t> pid = Create();
    ASSERT_TRUE(pid.ok()) << pid.status();
    pid_ = *pid;
    auto groups = FindContainerCgroups(pid_);
    ASSERT_TRUE(groups.ok()) << groups.status();
    groups_ = *std::move(groups);
  }
  bool InV1() {
    return !groups_.V1("memory").empty() && !groups_.V1("pids").empty();
  }

  pid_t pid_ = -1;
  ContainerCgroups groups_;
};

TEST_P(RealStatsTest, ListsEveryProcessOfTheContainer) {
  Launch({"sh", "-c", "sleep 1000 & sleep 1000 & wait"});
  EXPECT_THAT(PidsOf(groups_), testing::ElementsAre(pid_));

  ASSERT_TRUE(Start().ok());

  EXPECT_TRUE(RunUntil([&] { return PidsOf(groups_).size() == 3; }));
  EXPECT_THAT(PidsOf(groups_), testing::Contains(pid_));
}

TEST_P(RealStatsTest, CountsWhatTheContainerUses) {
  Launch({"sh", "-c", "sleep 1000 & while :; do :; done"}, 64 << 20);
  ASSERT_TRUE(Start().ok());
  if (!InV1()) GTEST_SKIP() << "no v1 controllers here";

  const auto enough = [&] {
    const auto metrics = ReadMetricsV1(groups_);
    return metrics.pids().current() == 2 &&
           metrics.cpu().usage().total() > 50'000'000 &&
           metrics.cpu().usage().user() > 0 && metrics.memory().total_rss() > 0;
  };
  EXPECT_TRUE(RunUntil(enough)) << ReadMetricsV1(groups_).DebugString();
  const auto metrics = ReadMetricsV1(groups_);
  EXPECT_EQ(metrics.memory().usage().limit(), 64u << 20);
  EXPECT_EQ(metrics.memory().hierarchical_memory_limit(), 64u << 20);
  EXPECT_GE(metrics.memory().usage().max(), metrics.memory().usage().usage());
  EXPECT_GT(metrics.cpu().usage().per_cpu_size(), 0);
}

TEST_P(RealStatsTest, CountsNothingWhenTheContainerIsGone) {
  Launch({"true"});
  ASSERT_TRUE(Delete(/*force=*/true).ok());

  EXPECT_EQ(ReadMetricsV1(groups_).ByteSizeLong(), 0u);
  EXPECT_TRUE(PidsOf(groups_).empty());
}

TEST_P(RealStatsTest, TellsOfEachProcessThatWasKilledForMemory) {
  Launch({"sh", "-c", "tail /dev/zero; tail /dev/zero; sleep 1000"}, 16 << 20);
  if (!InV1()) GTEST_SKIP() << "no v1 controllers here";
  uint64_t kills = 0;
  auto watch =
      OomWatch::Create(*loop_, groups_, [&](uint64_t more) { kills += more; });
  ASSERT_TRUE(watch.ok()) << watch.status();

  ASSERT_TRUE(Start().ok());

  EXPECT_TRUE(RunUntil([&] { return kills == 2; })) << kills;
  EXPECT_EQ(ReadMetricsV1(groups_).memory_oom_control().oom_kill(), 2u);
  ASSERT_TRUE(Delete(/*force=*/true).ok());
  for (int i = 0; i < 5; ++i) loop_->RunOnce(absl::Milliseconds(1));
  EXPECT_EQ(kills, 2u) << "told again when the group went";
}

TEST_P(RealStatsTest, TellsOfTheInitsOwnKillByItsEndAtTheLatest) {
  Launch({"tail", "/dev/zero"}, 16 << 20);
  if (!InV1()) GTEST_SKIP() << "no v1 controllers here";
  uint64_t kills = 0;
  auto watch =
      OomWatch::Create(*loop_, groups_, [&](uint64_t more) { kills += more; });
  ASSERT_TRUE(watch.ok()) << watch.status();
  ASSERT_TRUE(Start().ok());

  ASSERT_TRUE(HasExited(pid_));
  (*watch)->Check();

  EXPECT_EQ(exits_[pid_].signal, SIGKILL);
  EXPECT_EQ(kills, 1u);
}

INSTANTIATE_TEST_SUITE_P(Runtimes, RealStatsTest,
                         testing::Values("crun", "runc"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace holdfast::containerd
