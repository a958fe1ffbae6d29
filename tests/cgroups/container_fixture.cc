#include "tests/cgroups/container_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/files.h"
#include "tests/fakes/slowness.h"

namespace holdfast {
namespace {

bool Join(const ContainerGroups& groups) {
  for (const std::string& file : groups.join_files) {
    if (!WriteKernelFile(file, "0").ok()) return false;
  }
  return groups.cgroup_directory.empty() ||
         WriteKernelFile(absl::StrCat(groups.cgroup_directory, "/cgroup.procs"),
                         "0")
             .ok();
}

}  // namespace

TestProcess::TestProcess(const ContainerGroups& groups,
                         const std::function<void()>& body) {
  const NumberPipe joined;
  pid_ = fork();
  if (pid_ == 0) {
    joined.Send(Join(groups) ? 1 : 0);
    body();
    _exit(0);
  }
  EXPECT_GT(pid_, 0);
  EXPECT_EQ(joined.Receive(), 1) << "it could not join its groups";
}

TestProcess::TestProcess(TestProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)) {}

TestProcess::~TestProcess() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);  // our child, not reaped: the number is its own
  Wait();
}

int TestProcess::Wait() {
  int status = -1;
  EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
  pid_ = -1;
  return status;
}

void TestProcess::WaitUntilZombie() const {
  siginfo_t info;
  EXPECT_EQ(waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT),
            0);
}

void SleepForever() {
  for (;;) pause();
}

NumberPipe::NumberPipe() {
  int fds[2] = {-1, -1};
  EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
  read_end_ = UniqueFd(fds[0]);
  write_end_ = UniqueFd(fds[1]);
}

void NumberPipe::Send(int number) const {
  (void)!write(write_end_.get(), &number, sizeof number);
}

int NumberPipe::Receive() const {
  pollfd watched = {.fd = read_end_.get(), .events = POLLIN, .revents = 0};
  int number = -1;
  if (poll(&watched, 1, 10'000 * kSlowness) != 1 ||
      read(read_end_.get(), &number, sizeof number) != sizeof number) {
    return -1;
  }
  return number;
}

bool EndsSoon(const Pidfd& process) {
  pollfd watched = {.fd = process.fd(), .events = POLLIN, .revents = 0};
  return poll(&watched, 1, 5'000 * kSlowness) == 1;
}

std::string ContainerTest::RootName() {
  static int number = 0;
  return absl::StrCat("holdfast-test-", getpid(), "-", ++number);
}

void ContainerTest::SetUp() {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make cgroups";
  const bool forbid_v2 = GetParam() == CgroupsMode::kV1;
  absl::StatusOr<std::unique_ptr<Cgroups>> created =
      Cgroups::Create(root_, {.forbid_v2 = forbid_v2});
  if (!created.ok()) GTEST_SKIP() << created.status();
  if ((*created)->mode() != GetParam()) {
    (*created)->RemoveRootIfEmpty();
    GTEST_SKIP() << "this host's cgroups are " << Name((*created)->mode());
  }
  cgroups_ = *std::move(created);
}

void ContainerTest::TearDown() {
  if (cgroups_ == nullptr) return;
  for (int attempt = 0; attempt < 5000; ++attempt) {
    (void)cgroups_->Kill(id_);  // NotFound: the test removed it
    if (cgroups_->RemoveContainer(id_).ok()) break;
    absl::SleepFor(absl::Milliseconds(1));  // orphans that init reaps
  }
  cgroups_->RemoveRootIfEmpty();
}

ContainerGroups ContainerTest::CreateContainer(const CgroupLimits& limits) {
  absl::StatusOr<ContainerGroups> groups =
      cgroups_->CreateContainer(id_, limits);
  EXPECT_TRUE(groups.ok()) << groups.status();
  return groups.value_or(ContainerGroups());
}

std::string ContainerTest::TrackedGroup() const {
  const ContainerGroups groups = cgroups_->FindContainer(id_);
  return groups.cgroup_directory.empty() ? groups.freezer_directory
                                         : groups.cgroup_directory;
}

void ContainerTest::Freeze() {
  const bool v1 = cgroups_->mode() == CgroupsMode::kV1;
  const absl::Status frozen = WriteKernelFile(
      absl::StrCat(TrackedGroup(), v1 ? "/freezer.state" : "/cgroup.freeze"),
      v1 ? "FROZEN" : "1");
  EXPECT_TRUE(frozen.ok()) << frozen;
}

std::string ModeName(const testing::TestParamInfo<CgroupsMode>& info) {
  return std::string(Name(info.param));
}

}  // namespace holdfast
