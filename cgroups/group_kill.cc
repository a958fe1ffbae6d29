#include "cgroups/group_kill.h"

#include <signal.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/errors.h"
#include "base/files.h"
#include "base/pidfd.h"
#include "cgroups/group_tree.h"

namespace holdfast {
namespace {

// So many pidfds are open at a time, well below any RLIMIT_NOFILE.
constexpr size_t kBatch = 128;

absl::Status NotFoundIsOk(absl::Status status) {
  return absl::IsNotFound(status) ? absl::OkStatus() : std::move(status);
}

// Opens those of `pids` that still exist.
absl::StatusOr<std::vector<Pidfd>> OpenAll(const std::vector<pid_t>& pids) {
  std::vector<Pidfd> pidfds;
  for (const pid_t pid : pids) {
    absl::StatusOr<Pidfd> pidfd = Pidfd::Open(pid);
    if (absl::IsNotFound(pidfd.status())) continue;
    HOLDFAST_RETURN_IF_ERROR(pidfd.status());
    pidfds.push_back(*std::move(pidfd));
  }
  return pidfds;
}

absl::Status SignalBatch(const std::string& group,
                         const std::vector<pid_t>& pids, int signal) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Pidfd> pidfds, OpenAll(pids));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<pid_t> still, ReadPids(group));
  absl::Status first_error;
  for (const Pidfd& pidfd : pidfds) {
    if (std::find(still.begin(), still.end(), pidfd.pid()) != still.end()) {
      first_error.Update(NotFoundIsOk(pidfd.Signal(signal)));
    }
  }
  return first_error;
}

// cgroup.kill sends its signal to first threads alone: a process whose first
// thread is over while others live goes on (seen on 6.18), and may fork. So
// what is left is frozen, which stops every thread, and killed one by one. v2
// lets what is frozen die, so nothing needs to be thawed.
absl::Status KillUnified(const std::string& group) {
  HOLDFAST_RETURN_IF_ERROR(
      WriteKernelFile(absl::StrCat(group, "/cgroup.kill"), "1"));
  HOLDFAST_ASSIGN_OR_RETURN(const bool busy, HasProcesses(group));
  if (!busy) return absl::OkStatus();
  HOLDFAST_RETURN_IF_ERROR(
      WriteKernelFile(absl::StrCat(group, "/cgroup.freeze"), "1"));
  return SignalProcesses(group, SIGKILL);
}

absl::Status SetFreezer(const std::string& group, absl::string_view state) {
  return WriteKernelFile(absl::StrCat(group, "/freezer.state"), state);
}

// Gives up after 10 ms: something in it sleeps uninterruptibly.
void WaitUntilFrozen(const std::string& group) {
  for (int attempt = 0; attempt < 20; ++attempt) {
    const absl::StatusOr<std::string> state =
        ReadSmallFile(absl::StrCat(group, "/freezer.state"));
    if (!state.ok() || absl::StripAsciiWhitespace(*state) == "FROZEN") return;
    absl::SleepFor(absl::Microseconds(500));
  }
}

// Groups below may have been frozen by their own files.
absl::Status ThawAll(const std::string& group) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> groups,
                            ReadGroups(group));
  absl::Status first_error;
  for (const std::string& each : groups) {
    first_error.Update(NotFoundIsOk(SetFreezer(each, "THAWED")));
  }
  return first_error;
}

absl::Status KillFrozen(const std::string& group) {
  HOLDFAST_RETURN_IF_ERROR(SetFreezer(group, "FROZEN"));
  WaitUntilFrozen(group);
  absl::Status status = SignalProcesses(group, SIGKILL);
  status.Update(ThawAll(group));  // v1's frozen die only once they are thawed
  return status;
}

}  // namespace

absl::Status SignalProcesses(const std::string& group, int signal) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> groups,
                            ReadGroups(group));
  absl::Status first_error;
  for (const std::string& each : groups) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<pid_t> pids, ReadPids(each));
    for (size_t begin = 0; begin < pids.size(); begin += kBatch) {
      const size_t end = std::min(begin + kBatch, pids.size());
      first_error.Update(
          SignalBatch(each, {pids.data() + begin, pids.data() + end}, signal));
    }
  }
  return first_error;
}

absl::Status KillProcesses(const std::string& group) {
  absl::Status v2 = KillUnified(group);
  if (!absl::IsNotFound(v2)) return v2;
  absl::Status v1 = KillFrozen(group);
  if (!absl::IsNotFound(v1)) return v1;
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> groups,
                            ReadGroups(group));
  if (groups.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "kill ", group, ": neither cgroup.kill nor freezer.state is in it"));
}

absl::Status FreezeProcesses(const std::string& group) {
  absl::Status v2 = WriteKernelFile(absl::StrCat(group, "/cgroup.freeze"), "1");
  if (!absl::IsNotFound(v2)) return v2;
  absl::Status v1 = SetFreezer(group, "FROZEN");
  if (!absl::IsNotFound(v1)) return v1;
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> groups,
                            ReadGroups(group));
  if (groups.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "freeze ", group, ": neither cgroup.freeze nor freezer.state is in it"));
}

}  // namespace holdfast
