#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/files.h"
#include "shim/containerd/group_files.h"
#include "shim/containerd/metrics.h"

namespace holdfast::containerd {
namespace {

namespace stats_v2 = io::containerd::cgroups::v2;

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

constexpr Field<stats_v2::CPUStat> kCpu[] = {
    {"usage_usec", &stats_v2::CPUStat::set_usage_usec},
    {"user_usec", &stats_v2::CPUStat::set_user_usec},
    {"system_usec", &stats_v2::CPUStat::set_system_usec},
    {"nr_periods", &stats_v2::CPUStat::set_nr_periods},
    {"nr_throttled", &stats_v2::CPUStat::set_nr_throttled},
    {"throttled_usec", &stats_v2::CPUStat::set_throttled_usec},
};
constexpr Field<stats_v2::MemoryStat> kMemoryV2[] = {
    {"anon", &stats_v2::MemoryStat::set_anon},
    {"file", &stats_v2::MemoryStat::set_file},
    {"kernel_stack", &stats_v2::MemoryStat::set_kernel_stack},
    {"slab", &stats_v2::MemoryStat::set_slab},
    {"sock", &stats_v2::MemoryStat::set_sock},
    {"shmem", &stats_v2::MemoryStat::set_shmem},
    {"file_mapped", &stats_v2::MemoryStat::set_file_mapped},
    {"file_dirty", &stats_v2::MemoryStat::set_file_dirty},
    {"file_writeback", &stats_v2::MemoryStat::set_file_writeback},
    {"anon_thp", &stats_v2::MemoryStat::set_anon_thp},
    {"inactive_anon", &stats_v2::MemoryStat::set_inactive_anon},
    {"active_anon", &stats_v2::MemoryStat::set_active_anon},
    {"inactive_file", &stats_v2::MemoryStat::set_inactive_file},
    {"active_file", &stats_v2::MemoryStat::set_active_file},
    {"unevictable", &stats_v2::MemoryStat::set_unevictable},
    {"slab_reclaimable", &stats_v2::MemoryStat::set_slab_reclaimable},
    {"slab_unreclaimable", &stats_v2::MemoryStat::set_slab_unreclaimable},
    {"pgfault", &stats_v2::MemoryStat::set_pgfault},
    {"pgmajfault", &stats_v2::MemoryStat::set_pgmajfault},
    {"workingset_refault", &stats_v2::MemoryStat::set_workingset_refault},
    {"workingset_activate", &stats_v2::MemoryStat::set_workingset_activate},
    {"workingset_nodereclaim",
     &stats_v2::MemoryStat::set_workingset_nodereclaim},
    {"pgrefill", &stats_v2::MemoryStat::set_pgrefill},
    {"pgscan", &stats_v2::MemoryStat::set_pgscan},
    {"pgsteal", &stats_v2::MemoryStat::set_pgsteal},
    {"pgactivate", &stats_v2::MemoryStat::set_pgactivate},
    {"pgdeactivate", &stats_v2::MemoryStat::set_pgdeactivate},
    {"pglazyfree", &stats_v2::MemoryStat::set_pglazyfree},
    {"pglazyfreed", &stats_v2::MemoryStat::set_pglazyfreed},
    {"thp_fault_alloc", &stats_v2::MemoryStat::set_thp_fault_alloc},
    {"thp_collapse_alloc", &stats_v2::MemoryStat::set_thp_collapse_alloc},
};
constexpr Field<stats_v2::MemoryEvents> kEvents[] = {
    {"low", &stats_v2::MemoryEvents::set_low},
    {"high", &stats_v2::MemoryEvents::set_high},
    {"max", &stats_v2::MemoryEvents::set_max},
    {"oom", &stats_v2::MemoryEvents::set_oom},
    {"oom_kill", &stats_v2::MemoryEvents::set_oom_kill},
};
constexpr Field<stats_v2::IOEntry> kIo[] = {
    {"rbytes", &stats_v2::IOEntry::set_rbytes},
    {"wbytes", &stats_v2::IOEntry::set_wbytes},
    {"rios", &stats_v2::IOEntry::set_rios},
    {"wios", &stats_v2::IOEntry::set_wios},
};

void ReadPids(const GroupFiles& group, stats_v2::Metrics& metrics) {
  const auto current = group.Number("pids.current");
  if (!current.has_value()) return;
  metrics.mutable_pids()->set_current(*current);
  metrics.mutable_pids()->set_limit(group.Number("pids.max", kMax).value_or(0));
}

void ReadMemory(const GroupFiles& group, stats_v2::Metrics& metrics) {
  const auto usage = group.Number("memory.current");
  if (!usage.has_value()) return;
  stats_v2::MemoryStat& memory = *metrics.mutable_memory();
  Fill(group, "memory.stat", kMemoryV2, memory);
  memory.set_usage(*usage);
  memory.set_usage_limit(group.Number("memory.max", kMax).value_or(0));
  memory.set_max_usage(group.Number("memory.peak").value_or(0));
  memory.set_swap_usage(group.Number("memory.swap.current").value_or(0));
  memory.set_swap_limit(group.Number("memory.swap.max", kMax).value_or(0));
  memory.set_swap_max_usage(group.Number("memory.swap.peak").value_or(0));
  Fill(group, "memory.events", kEvents, *metrics.mutable_memory_events());
}

// Lines "8:0 rbytes=4096 wbytes=0 …".
void ReadIo(const GroupFiles& group, stats_v2::Metrics& metrics) {
  const std::string text = group.Text("io.stat");
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    const std::pair<absl::string_view, absl::string_view> device =
        absl::StrSplit(words[0], ':');
    uint64_t major = 0;
    uint64_t minor = 0;
    if (words.size() < 2 || !absl::SimpleAtoi(device.first, &major) ||
        !absl::SimpleAtoi(device.second, &minor)) {
      continue;
    }
    stats_v2::IOEntry& entry = *metrics.mutable_io()->add_usage();
    entry.set_major(major);
    entry.set_minor(minor);
    for (const absl::string_view word : words) {
      const std::pair<absl::string_view, absl::string_view> pair =
          absl::StrSplit(word, '=');
      uint64_t value = 0;
      if (!absl::SimpleAtoi(pair.second, &value)) continue;
      for (const Field<stats_v2::IOEntry>& field : kIo) {
        if (pair.first == field.key) (entry.*field.set)(value);
      }
    }
  }
}

// "hugetlb.2MB.current": a set of files for each page size.
void ReadHugetlb(const std::string& directory, stats_v2::Metrics& metrics) {
  if (directory.empty()) return;
  const GroupFiles group(directory);
  for (const std::string& name :
       SystemFiles().List(directory).value_or(std::vector<std::string>())) {
    const std::vector<absl::string_view> parts = absl::StrSplit(name, '.');
    if (parts.size() != 3 || parts[0] != "hugetlb" || parts[2] != "current") {
      continue;
    }
    stats_v2::HugeTlbStat& stat = *metrics.add_hugetlb();
    stat.set_pagesize(parts[1].data(), parts[1].size());
    stat.set_current(group.Number(name).value_or(0));
    stat.set_max(group.Number(absl::StrCat("hugetlb.", parts[1], ".max"), kMax)
                     .value_or(0));
  }
}

}  // namespace

stats_v2::Metrics ReadMetricsV2(const ContainerCgroups& groups) {
  stats_v2::Metrics metrics;
  const GroupFiles group(groups.v2);
  if (!group.exists()) return metrics;
  ReadPids(group, metrics);
  Fill(group, "cpu.stat", kCpu, *metrics.mutable_cpu());
  ReadMemory(group, metrics);
  ReadIo(group, metrics);
  ReadHugetlb(groups.v2, metrics);
  return metrics;
}

google::protobuf::Any ReadMetrics(const ContainerCgroups& groups) {
  google::protobuf::Any any;
  if (groups.is_v2()) {
    any.set_type_url("io.containerd.cgroups.v2.Metrics");
    any.set_value(ReadMetricsV2(groups).SerializeAsString());
  } else {
    any.set_type_url("io.containerd.cgroups.v1.Metrics");
    any.set_value(ReadMetricsV1(groups).SerializeAsString());
  }
  return any;
}

}  // namespace holdfast::containerd
