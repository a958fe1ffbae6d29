#include "hack/local_agent/processes.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/files.h"
#include "base/pidfd.h"

namespace holdfast::hack {
namespace {

bool IsZombie(pid_t pid) {
  const absl::StatusOr<std::string> stat =
      ReadSmallFile(absl::StrCat("/proc/", pid, "/stat"));
  return stat.ok() && absl::StrContains(*stat, ") Z ");
}

}  // namespace

absl::StatusOr<ProcessIdentity> Identify(pid_t pid) {
  HOLDFAST_ASSIGN_OR_RETURN(const uint64_t start_ticks, ReadStartTicks(pid));
  return ProcessIdentity{.pid = pid, .start_ticks = start_ticks};
}

bool Runs(const ProcessIdentity& process) {
  const absl::StatusOr<ProcessIdentity> now = Identify(process.pid);
  return now.ok() && *now == process && !IsZombie(process.pid);
}

std::vector<std::string> ProcessesNaming(const std::string& text) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc", error)) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
    if (pid == getpid()) continue;
    absl::StatusOr<std::string> command =
        ReadSmallFile(entry.path().string() + "/cmdline");
    if (!command.ok() || !absl::StrContains(*command, text)) continue;
    std::replace(command->begin(), command->end(), '\0', ' ');
    found.push_back(absl::StrCat(pid, " ", *command));
  }
  return found;
}

absl::Status AdoptOrphans() {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
    return ErrnoStatus(errno, "prctl", "PR_SET_CHILD_SUBREAPER");
  return absl::OkStatus();
}

void ReapOrphans() {
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

}  // namespace holdfast::hack
