#include <dirent.h>
#include <unistd.h>

#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/files.h"
#include "shim/containerd/group_files.h"
#include "shim/containerd/metrics.h"

namespace holdfast::containerd {
namespace {

namespace stats_v1 = io::containerd::cgroups::v1;

using DeviceNames = std::map<std::pair<uint64_t, uint64_t>, std::string>;
using Entries = google::protobuf::RepeatedPtrField<stats_v1::BlkIOEntry>;

constexpr Field<stats_v1::MemoryStat> kMemoryV1[] = {
    {"cache", &stats_v1::MemoryStat::set_cache},
    {"rss", &stats_v1::MemoryStat::set_rss},
    {"rss_huge", &stats_v1::MemoryStat::set_rss_huge},
    {"mapped_file", &stats_v1::MemoryStat::set_mapped_file},
    {"dirty", &stats_v1::MemoryStat::set_dirty},
    {"writeback", &stats_v1::MemoryStat::set_writeback},
    {"pgpgin", &stats_v1::MemoryStat::set_pg_pg_in},
    {"pgpgout", &stats_v1::MemoryStat::set_pg_pg_out},
    {"pgfault", &stats_v1::MemoryStat::set_pg_fault},
    {"pgmajfault", &stats_v1::MemoryStat::set_pg_maj_fault},
    {"inactive_anon", &stats_v1::MemoryStat::set_inactive_anon},
    {"active_anon", &stats_v1::MemoryStat::set_active_anon},
    {"inactive_file", &stats_v1::MemoryStat::set_inactive_file},
    {"active_file", &stats_v1::MemoryStat::set_active_file},
    {"unevictable", &stats_v1::MemoryStat::set_unevictable},
    {"hierarchical_memory_limit",
     &stats_v1::MemoryStat::set_hierarchical_memory_limit},
    {"hierarchical_memsw_limit",
     &stats_v1::MemoryStat::set_hierarchical_swap_limit},
    {"total_cache", &stats_v1::MemoryStat::set_total_cache},
    {"total_rss", &stats_v1::MemoryStat::set_total_rss},
    {"total_rss_huge", &stats_v1::MemoryStat::set_total_rss_huge},
    {"total_mapped_file", &stats_v1::MemoryStat::set_total_mapped_file},
    {"total_dirty", &stats_v1::MemoryStat::set_total_dirty},
    {"total_writeback", &stats_v1::MemoryStat::set_total_writeback},
    {"total_pgpgin", &stats_v1::MemoryStat::set_total_pg_pg_in},
    {"total_pgpgout", &stats_v1::MemoryStat::set_total_pg_pg_out},
    {"total_pgfault", &stats_v1::MemoryStat::set_total_pg_fault},
    {"total_pgmajfault", &stats_v1::MemoryStat::set_total_pg_maj_fault},
    {"total_inactive_anon", &stats_v1::MemoryStat::set_total_inactive_anon},
    {"total_active_anon", &stats_v1::MemoryStat::set_total_active_anon},
    {"total_inactive_file", &stats_v1::MemoryStat::set_total_inactive_file},
    {"total_active_file", &stats_v1::MemoryStat::set_total_active_file},
    {"total_unevictable", &stats_v1::MemoryStat::set_total_unevictable},
};
constexpr Field<stats_v1::MemoryOomControl> kOomControl[] = {
    {"oom_kill_disable", &stats_v1::MemoryOomControl::set_oom_kill_disable},
    {"under_oom", &stats_v1::MemoryOomControl::set_under_oom},
    {"oom_kill", &stats_v1::MemoryOomControl::set_oom_kill},
};
constexpr Field<stats_v1::Throttle> kThrottling[] = {
    {"nr_periods", &stats_v1::Throttle::set_periods},
    {"nr_throttled", &stats_v1::Throttle::set_throttled_periods},
    {"throttled_time", &stats_v1::Throttle::set_throttled_time},
};

void ReadPids(const GroupFiles& group, stats_v1::Metrics& metrics) {
  if (!group.exists()) return;
  metrics.mutable_pids()->set_current(group.Number("pids.current").value_or(0));
  metrics.mutable_pids()->set_limit(group.Number("pids.max").value_or(0));
}

void ReadCpu(const GroupFiles& cpu, const GroupFiles& cpuacct,
             stats_v1::Metrics& metrics) {
  if (cpu.exists()) {
    Fill(cpu, "cpu.stat", kThrottling,
         *metrics.mutable_cpu()->mutable_throttling());
  }
  if (!cpuacct.exists()) return;
  stats_v1::CPUUsage& usage = *metrics.mutable_cpu()->mutable_usage();
  usage.set_total(cpuacct.Number("cpuacct.usage").value_or(0));
  const auto tick_ns =
      static_cast<uint64_t>(1'000'000'000 / sysconf(_SC_CLK_TCK));
  cpuacct.ForEachKey("cpuacct.stat",
                     [&](absl::string_view key, uint64_t ticks) {
                       if (key == "user") usage.set_user(ticks * tick_ns);
                       if (key == "system") usage.set_kernel(ticks * tick_ns);
                     });
  const std::string per_cpu = cpuacct.Text("cpuacct.usage_percpu");
  for (const absl::string_view word :
       absl::StrSplit(per_cpu, absl::ByAnyChar(" \n"), absl::SkipEmpty())) {
    uint64_t value = 0;
    if (absl::SimpleAtoi(word, &value)) usage.add_per_cpu(value);
  }
}

// "memory", "memory.memsw" …
void ReadEntry(const GroupFiles& group, const std::string& prefix,
               stats_v1::MemoryEntry& entry) {
  entry.set_usage(group.Number(prefix + ".usage_in_bytes").value_or(0));
  entry.set_max(group.Number(prefix + ".max_usage_in_bytes").value_or(0));
  entry.set_failcnt(group.Number(prefix + ".failcnt").value_or(0));
  entry.set_limit(group.Number(prefix + ".limit_in_bytes").value_or(0));
}

void ReadMemory(const GroupFiles& group, stats_v1::Metrics& metrics) {
  if (!group.exists()) return;
  stats_v1::MemoryStat& memory = *metrics.mutable_memory();
  Fill(group, "memory.stat", kMemoryV1, memory);
  ReadEntry(group, "memory", *memory.mutable_usage());
  ReadEntry(group, "memory.memsw", *memory.mutable_swap());
  ReadEntry(group, "memory.kmem", *memory.mutable_kernel());
  ReadEntry(group, "memory.kmem.tcp", *memory.mutable_kernel_tcp());
  Fill(group, "memory.oom_control", kOomControl,
       *metrics.mutable_memory_oom_control());
}

DeviceNames ReadDeviceNames() {
  DeviceNames names;
  const std::string text = ReadSmallFile("/proc/partitions").value_or("");
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    // major minor blocks name
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    uint64_t major = 0;
    uint64_t minor = 0;
    if (words.size() == 4 && absl::SimpleAtoi(words[0], &major) &&
        absl::SimpleAtoi(words[1], &minor)) {
      names[{major, minor}] = absl::StrCat("/dev/", words[3]);
    }
  }
  return names;
}

// Lines "8:0 Read 4096"; those of a sum have no device.
void ReadBlkIoFile(const GroupFiles& group, absl::string_view file,
                   const DeviceNames& names, Entries& entries) {
  const std::string text = group.Text(file);
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(": "), absl::SkipEmpty());
    uint64_t major = 0;
    uint64_t minor = 0;
    uint64_t value = 0;
    if (words.size() != 4 || !absl::SimpleAtoi(words[0], &major) ||
        !absl::SimpleAtoi(words[1], &minor) ||
        !absl::SimpleAtoi(words[3], &value)) {
      continue;
    }
    stats_v1::BlkIOEntry& entry = *entries.Add();
    entry.set_op(words[2].data(), words[2].size());
    entry.set_major(major);
    entry.set_minor(minor);
    entry.set_value(value);
    const auto name = names.find({major, minor});
    if (name != names.end()) entry.set_device(name->second);
  }
}

// The scheduler's own counts where it keeps any, else those of throttling.
void ReadBlkIo(const GroupFiles& group, stats_v1::Metrics& metrics) {
  if (!group.exists()) return;
  const DeviceNames names = ReadDeviceNames();
  stats_v1::BlkIOStat& blkio = *metrics.mutable_blkio();
  for (const char* const prefix : {"blkio.bfq.", "blkio.throttle."}) {
    if (blkio.io_serviced_recursive_size() > 0) return;
    ReadBlkIoFile(group, absl::StrCat(prefix, "io_service_bytes_recursive"),
                  names, *blkio.mutable_io_service_bytes_recursive());
    ReadBlkIoFile(group, absl::StrCat(prefix, "io_serviced_recursive"), names,
                  *blkio.mutable_io_serviced_recursive());
  }
}

// "hugetlb.2MB.usage_in_bytes": a set of files for each page size.
void ReadHugetlb(const std::string& directory, stats_v1::Metrics& metrics) {
  constexpr absl::string_view kPrefix = "hugetlb.";
  constexpr absl::string_view kSuffix = ".limit_in_bytes";
  if (directory.empty()) return;
  const GroupFiles group(directory);
  for (const std::string& name :
       SystemFiles().List(directory).value_or(std::vector<std::string>())) {
    if (!absl::StartsWith(name, kPrefix) || !absl::EndsWith(name, kSuffix) ||
        absl::StrContains(name, ".rsvd.")) {
      continue;
    }
    const std::string size = name.substr(
        kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
    const std::string files = absl::StrCat(kPrefix, size);
    stats_v1::HugetlbStat& stat = *metrics.add_hugetlb();
    stat.set_pagesize(size);
    stat.set_usage(group.Number(files + ".usage_in_bytes").value_or(0));
    stat.set_max(group.Number(files + ".max_usage_in_bytes").value_or(0));
    stat.set_failcnt(group.Number(files + ".failcnt").value_or(0));
  }
}

}  // namespace

stats_v1::Metrics ReadMetricsV1(const ContainerCgroups& groups) {
  stats_v1::Metrics metrics;
  ReadPids(GroupFiles(groups.V1("pids")), metrics);
  ReadCpu(GroupFiles(groups.V1("cpu")), GroupFiles(groups.V1("cpuacct")),
          metrics);
  ReadMemory(GroupFiles(groups.V1("memory")), metrics);
  ReadBlkIo(GroupFiles(groups.V1("blkio")), metrics);
  ReadHugetlb(groups.V1("hugetlb"), metrics);
  return metrics;
}

}  // namespace holdfast::containerd
