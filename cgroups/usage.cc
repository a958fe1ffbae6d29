#include "cgroups/usage.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "cgroups/keyed_file.h"

namespace holdfast {
namespace {

using Kind = ControllerPlace::Kind;

std::string ReadOrEmpty(const std::string& path) {
  return ReadSmallFile(path).value_or("");
}

void ReadCpuV2(const std::string& directory, CgroupUsage* usage) {
  const std::string stat = ReadOrEmpty(absl::StrCat(directory, "/cpu.stat"));
  usage->cpu_usec = FindKeyed(stat, "usage_usec");
  usage->cpu_user_usec = FindKeyed(stat, "user_usec");
  usage->cpu_system_usec = FindKeyed(stat, "system_usec");
}

void ReadCpuacct(const std::string& directory, CgroupUsage* usage) {
  const std::optional<uint64_t> nanoseconds =
      ParseNumber(ReadOrEmpty(absl::StrCat(directory, "/cpuacct.usage")));
  if (nanoseconds) usage->cpu_usec = *nanoseconds / 1000;
  const std::string stat =
      ReadOrEmpty(absl::StrCat(directory, "/cpuacct.stat"));
  const auto tick_usec = static_cast<uint64_t>(1000000 / sysconf(_SC_CLK_TCK));
  if (const auto user = FindKeyed(stat, "user")) {
    usage->cpu_user_usec = *user * tick_usec;
  }
  if (const auto system = FindKeyed(stat, "system")) {
    usage->cpu_system_usec = *system * tick_usec;
  }
}

// Files of one controller in one group; "" for those that are not there.
class ControllerFiles {
 public:
  ControllerFiles(const LibcgroupSession& libcgroup, Controller controller,
                  const std::string& group)
      : libcgroup_(libcgroup), controller_(Name(controller)), group_(group) {}

  std::string Read(const std::string& file) const {
    return libcgroup_.Read(controller_, group_, file).value_or("");
  }
  std::optional<uint64_t> Number(const std::string& file) const {
    return ParseNumber(Read(file));
  }

 private:
  const LibcgroupSession& libcgroup_;
  std::string controller_;
  const std::string& group_;
};

void ReadMemory(const ControllerFiles& files, Kind kind, CgroupUsage* usage) {
  if (kind == Kind::kV2) {
    usage->memory_bytes = files.Number("memory.current");
    usage->memory_peak_bytes = files.Number("memory.peak");  // Linux 5.19
    usage->oom_kills = FindKeyed(files.Read("memory.events"), "oom_kill");
  } else {
    usage->memory_bytes = files.Number("memory.usage_in_bytes");
    usage->memory_peak_bytes = files.Number("memory.max_usage_in_bytes");
    usage->oom_kills = FindKeyed(files.Read("memory.oom_control"), "oom_kill");
  }
}

}  // namespace

CgroupUsage ReadUsage(const CgroupLayout& layout,
                      const absl::StatusOr<LibcgroupSession>& libcgroup,
                      const std::string& group) {
  CgroupUsage usage;
  if (layout.mode != CgroupsMode::kV1) {
    ReadCpuV2(absl::StrCat(layout.tracking_mount, "/", group), &usage);
  } else if (!layout.cpuacct_mount.empty()) {
    ReadCpuacct(absl::StrCat(layout.cpuacct_mount, "/", group), &usage);
  }
  if (!libcgroup.ok()) return usage;
  const Kind memory = layout.place(Controller::kMemory).kind;
  if (memory != Kind::kNowhere) {
    ReadMemory(ControllerFiles(*libcgroup, Controller::kMemory, group), memory,
               &usage);
  }
  if (layout.place(Controller::kPids).kind != Kind::kNowhere) {
    usage.pids = ControllerFiles(*libcgroup, Controller::kPids, group)
                     .Number("pids.current");
  }
  return usage;
}

}  // namespace holdfast
