#include "tests/containerd/leftovers.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/files.h"
#include "base/pidfd.h"
#include "gtest/gtest.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {
namespace {

std::string RawCommandLine(pid_t pid) {
  return ReadSmallFile(absl::StrCat("/proc/", pid, "/cmdline")).value_or("");
}

std::vector<pid_t> AllProcesses() {
  std::vector<pid_t> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    pid_t pid;
    if (absl::SimpleAtoi(entry.path().filename().string(), &pid))
      pids.push_back(pid);
  }
  return pids;
}

// The hierarchies of a host, whatever its kind.
std::vector<std::string> Hierarchies() {
  std::vector<std::string> roots = {"/sys/fs/cgroup"};
  for (const auto& entry :
       std::filesystem::directory_iterator("/sys/fs/cgroup")) {
    if (entry.is_directory()) roots.push_back(entry.path());
  }
  return roots;
}

}  // namespace

std::vector<std::string> MountsBelow(const std::string& directory) {
  std::ifstream mounts("/proc/self/mountinfo");
  std::vector<std::string> below;
  for (std::string line; std::getline(mounts, line);) {
    const std::vector<std::string> fields = absl::StrSplit(line, ' ');
    if (fields.size() > 4 && absl::StartsWith(fields[4], directory + "/"))
      below.push_back(fields[4]);
  }
  std::reverse(below.begin(), below.end());
  return below;
}

std::vector<std::string> CgroupsNamed(const std::string& part) {
  std::vector<std::string> found;
  for (const std::string& root : Hierarchies()) {
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator(root, gone)) {
      if (absl::StrContains(entry.path().filename().string(), part))
        found.push_back(entry.path());
    }
  }
  return found;
}

std::vector<std::string> FilesBelow(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code gone;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(directory, gone)) {
    if (!entry.is_directory(gone)) files.push_back(entry.path());
  }
  return files;
}

std::vector<pid_t> ProcessesNaming(const std::string& word) {
  std::vector<pid_t> found;
  for (const pid_t pid : AllProcesses()) {
    const std::vector<std::string> words =
        absl::StrSplit(RawCommandLine(pid), '\0');
    if (std::find(words.begin(), words.end(), word) != words.end())
      found.push_back(pid);
  }
  return found;
}

void AdoptOrphans() { EXPECT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); }

std::vector<pid_t> LivingChildren() {
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  std::vector<pid_t> living;
  const std::string children =
      ReadSmallFile(absl::StrCat("/proc/self/task/", getpid(), "/children"))
          .value_or("");
  for (const auto child :
       absl::StrSplit(children, ' ', absl::SkipWhitespace())) {
    pid_t pid;
    if (absl::SimpleAtoi(child, &pid)) living.push_back(pid);
  }
  return living;
}

std::string CommandLine(pid_t pid) {
  return absl::StrReplaceAll(RawCommandLine(pid),
                             {{std::string(1, '\0'), " "}});
}

void KillAll(const std::vector<pid_t>& pids) {
  for (const pid_t pid : pids) {
    const absl::StatusOr<Pidfd> process = Pidfd::Open(pid);
    if (!process.ok()) continue;
    (void)process->Signal(SIGKILL);  // it may be gone by now
    EXPECT_TRUE(Eventually([&] { return process->HasEnded(); }))
        << pid << " outlives SIGKILL";
  }
}

void RemoveCgroup(const std::string& directory) {
  std::error_code gone;
  for (const auto& entry :
       std::filesystem::directory_iterator(directory, gone)) {
    if (entry.is_directory()) RemoveCgroup(entry.path());
  }
  const bool removed = Eventually([&] {
    const std::string members =
        ReadSmallFile(directory + "/cgroup.procs").value_or("");
    for (const auto member : absl::StrSplit(members, '\n', absl::SkipEmpty())) {
      pid_t pid;
      if (absl::SimpleAtoi(member, &pid)) KillAll({pid});
    }
    return rmdir(directory.c_str()) == 0 || errno == ENOENT;
  });
  EXPECT_TRUE(removed) << directory;
}

}  // namespace holdfast::containerd
