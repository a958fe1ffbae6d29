#include "shim/containerd/metrics.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/fakes/temporary_directory.h"

namespace holdfast::containerd {
namespace {

class MetricsTest : public testing::Test {
 protected:
  void Write(const std::string& file, const std::string& content) {
    std::ofstream(group_ / file) << content;
  }
  ContainerCgroups V1() {
    ContainerCgroups groups;
    for (const char* controller :
         {"memory", "cpu", "cpuacct", "pids", "blkio", "hugetlb"}) {
      groups.v1[controller] = group_.path();
    }
    return groups;
  }
  ContainerCgroups V2() {
    ContainerCgroups groups;
    groups.v2 = group_.path();
    return groups;
  }
  TemporaryDirectory group_;
};

TEST_F(MetricsTest, OfV1AreWhatTheFilesSay) {
  Write("pids.current", "3\n");
  Write("pids.max", "max\n");
  Write("cpuacct.usage", "1000\n");
  Write("cpuacct.usage_percpu", "400 600 \n");
  Write("cpuacct.stat", "user 2\nsystem 3\n");
  Write("cpu.stat", "nr_periods 1\nnr_throttled 2\nthrottled_time 3\n");
  Write("memory.stat",
        "cache 1\ntotal_inactive_file 2\npgpgin 5\nother 9\n"
        "hierarchical_memsw_limit 7\ntotal_rss 4\n");
  Write("memory.usage_in_bytes", "10\n");
  Write("memory.limit_in_bytes", "9223372036854771712\n");
  Write("memory.memsw.failcnt", "6\n");
  Write("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
  Write("blkio.throttle.io_serviced_recursive",
        "1:0 Read 5\n1:0 Total 5\nTotal 5\n");
  Write("blkio.throttle.io_service_bytes_recursive", "1:0 Write 4096\n");
  Write("hugetlb.2MB.limit_in_bytes", "0\n");
  Write("hugetlb.2MB.usage_in_bytes", "8\n");
  Write("hugetlb.2MB.rsvd.limit_in_bytes", "0\n");

  const auto metrics = ReadMetricsV1(V1());

  EXPECT_EQ(metrics.pids().current(), 3u);
  EXPECT_EQ(metrics.pids().limit(), 0u);
  EXPECT_EQ(metrics.cpu().usage().total(), 1000u);
  EXPECT_EQ(metrics.cpu().usage().per_cpu(1), 600u);
  EXPECT_EQ(metrics.cpu().usage().user(), 20'000'000u);
  EXPECT_EQ(metrics.cpu().usage().kernel(), 30'000'000u);
  EXPECT_EQ(metrics.cpu().throttling().throttled_time(), 3u);
  EXPECT_EQ(metrics.memory().cache(), 1u);
  EXPECT_EQ(metrics.memory().pg_pg_in(), 5u);
  EXPECT_EQ(metrics.memory().total_inactive_file(), 2u);
  EXPECT_EQ(metrics.memory().total_rss(), 4u);
  EXPECT_EQ(metrics.memory().hierarchical_swap_limit(), 7u);
  EXPECT_EQ(metrics.memory().usage().usage(), 10u);
  EXPECT_EQ(metrics.memory().usage().limit(), 9223372036854771712u);
  EXPECT_EQ(metrics.memory().swap().failcnt(), 6u);
  EXPECT_EQ(metrics.memory_oom_control().oom_kill(), 2u);
  ASSERT_EQ(metrics.blkio().io_serviced_recursive_size(), 2);
  EXPECT_EQ(metrics.blkio().io_serviced_recursive(0).op(), "Read");
  EXPECT_EQ(metrics.blkio().io_serviced_recursive(0).major(), 1u);
  EXPECT_EQ(metrics.blkio().io_serviced_recursive(0).value(), 5u);
  EXPECT_EQ(metrics.blkio().io_service_bytes_recursive(0).value(), 4096u);
  ASSERT_EQ(metrics.hugetlb_size(), 1);
  EXPECT_EQ(metrics.hugetlb(0).pagesize(), "2MB");
  EXPECT_EQ(metrics.hugetlb(0).usage(), 8u);
}

TEST_F(MetricsTest, OfV2AreWhatTheFilesSay) {
  Write("pids.current", "3\n");
  Write("pids.max", "100\n");
  Write("cpu.stat", "usage_usec 5\nuser_usec 3\nsystem_usec 2\n");
  Write("memory.current", "4096\n");
  Write("memory.max", "max\n");
  Write("memory.peak", "8192\n");
  Write("memory.stat", "anon 1\ninactive_file 2\npgmajfault 3\nnew_one 4\n");
  Write("memory.events", "low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\n");
  Write("io.stat", "8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n\n");
  Write("hugetlb.1GB.current", "7\n");
  Write("hugetlb.1GB.max", "max\n");

  const auto metrics = ReadMetricsV2(V2());

  EXPECT_EQ(metrics.pids().current(), 3u);
  EXPECT_EQ(metrics.pids().limit(), 100u);
  EXPECT_EQ(metrics.cpu().usage_usec(), 5u);
  EXPECT_EQ(metrics.memory().usage(), 4096u);
  EXPECT_EQ(metrics.memory().usage_limit(), ~uint64_t{0});
  EXPECT_EQ(metrics.memory().max_usage(), 8192u);
  EXPECT_EQ(metrics.memory().anon(), 1u);
  EXPECT_EQ(metrics.memory().inactive_file(), 2u);
  EXPECT_EQ(metrics.memory().pgmajfault(), 3u);
  EXPECT_EQ(metrics.memory_events().oom_kill(), 4u);
  ASSERT_EQ(metrics.io().usage_size(), 1);
  EXPECT_EQ(metrics.io().usage(0).minor(), 16u);
  EXPECT_EQ(metrics.io().usage(0).wios(), 4u);
  ASSERT_EQ(metrics.hugetlb_size(), 1);
  EXPECT_EQ(metrics.hugetlb(0).max(), ~uint64_t{0});
}

TEST_F(MetricsTest, AreUnsetWhereTheGroupsAreGone) {
  ContainerCgroups v1 = V1();
  for (auto& [controller, directory] : v1.v1) directory += "/gone";
  ContainerCgroups v2 = V2();
  v2.v2 += "/gone";

  EXPECT_EQ(ReadMetricsV1(v1).ByteSizeLong(), 0u);
  EXPECT_EQ(ReadMetricsV2(v2).ByteSizeLong(), 0u);
  EXPECT_EQ(ReadMetrics(v1).type_url(), "io.containerd.cgroups.v1.Metrics");
  EXPECT_EQ(ReadMetrics(v2).type_url(), "io.containerd.cgroups.v2.Metrics");
}

TEST_F(MetricsTest, SurviveFilesOfAnyShape) {
  for (const char* file :
       {"pids.current", "cpu.stat", "cpuacct.usage_percpu", "memory.stat",
        "memory.current", "io.stat", "blkio.throttle.io_serviced_recursive"}) {
    Write(file, "x\n : =\n8:0\nanon\nanon -1\n\xff 99999999999999999999999\n");
  }

  EXPECT_EQ(ReadMetricsV1(V1()).blkio().io_serviced_recursive_size(), 0);
  EXPECT_EQ(ReadMetricsV2(V2()).io().usage_size(), 0);
}

}  // namespace
}  // namespace holdfast::containerd
