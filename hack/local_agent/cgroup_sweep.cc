#include "hack/local_agent/cgroup_sweep.h"

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/files.h"
#include "base/pidfd.h"

namespace holdfast::hack {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> CgroupMounts() {
  std::vector<std::string> mounts;
  const absl::StatusOr<std::string> table = ReadSmallFile("/proc/self/mounts");
  if (!table.ok()) return mounts;
  for (absl::string_view line : absl::StrSplit(*table, '\n')) {
    const std::vector<std::string> fields = absl::StrSplit(line, ' ');
    if (fields.size() < 3) continue;
    if (fields[2] == "cgroup" || fields[2] == "cgroup2")
      mounts.push_back(fields[1]);
  }
  return mounts;
}

// `directory` and all below it, children first.
std::vector<std::string> GroupsBelow(const std::string& directory) {
  std::vector<std::string> groups = {directory};
  std::error_code error;
  for (fs::recursive_directory_iterator it(directory, error), end;
       !error && it != end; it.increment(error)) {
    if (it->is_directory(error)) groups.push_back(it->path().string());
  }
  return {groups.rbegin(), groups.rend()};
}

std::vector<std::string> Pids(const std::string& group) {
  const absl::StatusOr<std::string> content =
      ReadSmallFile(absl::StrCat(group, "/cgroup.procs"));
  if (!content.ok()) return {};
  return absl::StrSplit(*content, '\n', absl::SkipEmpty());
}

void KillProcesses(const std::string& group) {
  for (const std::string& text : Pids(group)) {
    int pid = 0;
    if (!absl::SimpleAtoi(text, &pid) || pid <= 0) continue;
    const absl::StatusOr<Pidfd> process = Pidfd::Open(pid);
    if (!process.ok()) continue;
    // The number may have changed hands before we held it.
    for (const std::string& again : Pids(group))
      if (again == text) (void)process->Signal(SIGKILL);  // or it just ended
  }
}

}  // namespace

std::vector<std::string> CgroupDirectories(const std::string& root) {
  std::vector<std::string> found;
  for (const std::string& mount : CgroupMounts()) {
    const std::string directory = absl::StrCat(mount, "/", root);
    std::error_code error;
    if (fs::is_directory(directory, error)) found.push_back(directory);
  }
  return found;
}

std::set<pid_t> ProcessesBelow(const std::string& root) {
  std::set<pid_t> processes;
  for (const std::string& directory : CgroupDirectories(root)) {
    for (const std::string& group : GroupsBelow(directory)) {
      for (const std::string& text : Pids(group)) {
        pid_t pid = 0;
        if (absl::SimpleAtoi(text, &pid)) processes.insert(pid);
      }
    }
  }
  return processes;
}

absl::Status SweepCgroups(const std::string& root, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    const std::vector<std::string> directories = CgroupDirectories(root);
    if (directories.empty()) return absl::OkStatus();
    if (absl::Now() > deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat("cgroups are left: ", absl::StrJoin(directories, ", ")));
    }
    for (const std::string& directory : directories) {
      for (const std::string& group : GroupsBelow(directory)) {
        KillProcesses(group);
        rmdir(group.c_str());  // busy until the killed are gone: tried again
      }
    }
    absl::SleepFor(absl::Milliseconds(10));
  }
}

}  // namespace holdfast::hack
