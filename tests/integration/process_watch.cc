#include "tests/integration/process_watch.h"

#include <poll.h>
#include <sys/wait.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

constexpr absl::Duration kAskAgain = absl::Milliseconds(5);
// linux/wait.h has it, glibc 2.36 names it for C++ as well.
constexpr idtype_t kByPidfd = static_cast<idtype_t>(3);

}  // namespace

ProcessWatch::ProcessWatch(pid_t pid) {
  absl::StatusOr<Pidfd> process = Pidfd::Open(pid);
  EXPECT_TRUE(process.ok()) << process.status();
  if (process.ok()) process_ = *std::move(process);
}

void ProcessWatch::Kill(int signal) const {
  const absl::Status sent = process_.Signal(signal);
  EXPECT_TRUE(sent.ok()) << sent;
}

absl::Time ProcessWatch::WaitForEnd(absl::Duration timeout) const {
  pollfd ended = {.fd = process_.fd(), .events = POLLIN, .revents = 0};
  const int timeout_ms =
      static_cast<int>(absl::ToInt64Milliseconds(timeout * kSlowness));
  if (poll(&ended, 1, timeout_ms) == 1) return absl::Now();
  ADD_FAILURE() << "process " << pid() << " runs on after " << timeout;
  return absl::InfiniteFuture();
}

void ProcessWatch::Reap(absl::Duration timeout) const {
  if (WaitForEnd(timeout) == absl::InfiniteFuture()) return;
  siginfo_t info = {};
  EXPECT_EQ(waitid(kByPidfd, static_cast<id_t>(process_.fd()), &info,
                   WEXITED | WNOHANG),
            0)
      << "process " << pid() << " is not ours";
}

bool Eventually(const std::function<bool()>& holds, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!holds()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(kAskAgain);
  }
  return true;
}

void AwaitChildOf(pid_t pid) {
  const std::string parent = absl::StrCat("\nPPid:\t", pid, "\n");
  EXPECT_TRUE(Eventually([&] {
    const auto names = SystemFiles().List("/proc");
    for (const std::string& name : names.value()) {
      const auto status = ReadSmallFile("/proc/" + name + "/status");
      if (status.ok() && absl::StrContains(*status, parent)) return true;
    }
    return false;
  })) << pid;
}

}  // namespace holdfast
