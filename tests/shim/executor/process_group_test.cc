#include "shim/executor/process_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "tests/cgroups/container_fixture.h"

namespace holdfast::shim {
namespace {

using testing::HasSubstr;

class ProcessGroupTest : public ContainerTest {
 protected:
  ProcessGroup OpenGroup() {
    const ContainerGroups groups = cgroups_->FindContainer(id_);
    absl::StatusOr<ProcessGroup> group =
        ProcessGroup::Open(groups.cgroup_directory, groups.freezer_directory);
    EXPECT_TRUE(group.ok()) << group.status();
    return *std::move(group);
  }

  // Groups of which a process joins the one named `name` below the executor's.
  ContainerGroups MakeSubgroup(const std::string& name) {
    const std::string below = absl::StrCat(TrackedGroup(), "/", name);
    EXPECT_EQ(mkdir(below.c_str(), 0755), 0);
    ContainerGroups groups;
    groups.join_files = {absl::StrCat(below, "/cgroup.procs")};
    return groups;
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, ProcessGroupTest, kAllModes, ModeName);

absl::Status KillUntilEmpty(const ProcessGroup& group, absl::Duration timeout) {
  const auto loop = EventLoop::Create().value();
  absl::Status result = absl::InternalError("never done");
  group.KillUntilEmpty(*loop, timeout, [&](absl::Status status) {
    result = std::move(status);
    loop->Stop();
  });
  EXPECT_EQ(result.message(), "never done") << "`done` came from the call";
  loop->Run();
  return result;
}

TEST_P(ProcessGroupTest, SignalsEveryProcessInItAndBelow) {
  TestProcess first(CreateContainer(), SleepForever);
  TestProcess second(cgroups_->FindContainer(id_), SleepForever);
  TestProcess below(MakeSubgroup("below"), SleepForever);

  ASSERT_EQ(OpenGroup().SignalAll(SIGTERM), absl::OkStatus());

  EXPECT_EQ(WTERMSIG(first.Wait()), SIGTERM);
  EXPECT_EQ(WTERMSIG(second.Wait()), SIGTERM);
  EXPECT_EQ(WTERMSIG(below.Wait()), SIGTERM);
}

TEST_P(ProcessGroupTest, SignalsMoreProcessesThanItMayOpenFiles) {
  const ContainerGroups groups = CreateContainer();
  const NumberPipe forked;
  TestProcess parent(groups, [&] {
    for (int i = 0; i < 300; ++i) {
      if (fork() == 0) SleepForever();
    }
    forked.Send(1);
    SleepForever();
  });
  ASSERT_EQ(forked.Receive(), 1);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few = {.rlim_cur = 200, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);

  const absl::Status signalled = OpenGroup().SignalAll(SIGKILL);

  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(signalled, absl::OkStatus());
  parent.Wait();
  EXPECT_EQ(KillUntilEmpty(OpenGroup(), absl::Seconds(5)), absl::OkStatus());
}

TEST_P(ProcessGroupTest, SignalsNobodyOutsideIt) {
  TestProcess inside(CreateContainer(), SleepForever);
  const TestProcess outside(ContainerGroups(), SleepForever);

  ASSERT_EQ(OpenGroup().SignalAll(SIGKILL), absl::OkStatus());

  EXPECT_EQ(WTERMSIG(inside.Wait()), SIGKILL);
  EXPECT_EQ(kill(outside.pid(), 0), 0);
  EXPECT_EQ(waitpid(outside.pid(), nullptr, WNOHANG), 0) << "it lives";
}

TEST_P(ProcessGroupTest, IsEmptyAtOnceWhenNothingIsInIt) {
  CreateContainer();

  EXPECT_TRUE(OpenGroup().IsEmpty().value());
  EXPECT_EQ(KillUntilEmpty(OpenGroup(), absl::ZeroDuration()),
            absl::OkStatus());
}

// How long a fork bomb may resist: a fraction of a second on a machine of its
// own, which emulation, sanitizers and neighbours multiply.
constexpr absl::Duration kPatience = absl::Seconds(30);

TEST_P(ProcessGroupTest, EmptiesAForkBomb) {
  const TestProcess bomb(CreateContainer({.pids = 64}), [] {
    for (;;) fork();
  });
  while (cgroups_->Usage(id_).value().pids.value_or(0) < 64) {
    std::this_thread::yield();
  }

  EXPECT_EQ(KillUntilEmpty(OpenGroup(), kPatience), absl::OkStatus());
  EXPECT_TRUE(OpenGroup().IsEmpty().value());
}

// A bomb of processes whose first threads are over, which cgroup.kill alone
// does not reach.
void ForkFromASecondThread() {
  pthread_t thread;
  const int error = pthread_create(
      &thread, nullptr,
      [](void*) -> void* {
        for (;;) {
          if (fork() == 0) ForkFromASecondThread();
        }
      },
      nullptr);
  if (error != 0) _exit(0);
  syscall(SYS_exit, 0);
}

TEST_P(ProcessGroupTest, EmptiesAForkBombWithoutFirstThreads) {
  const TestProcess bomb(CreateContainer({.pids = 64}), ForkFromASecondThread);
  while (cgroups_->Usage(id_).value().pids.value_or(0) < 64) {
    std::this_thread::yield();
  }

  EXPECT_EQ(KillUntilEmpty(OpenGroup(), kPatience), absl::OkStatus());
  EXPECT_TRUE(OpenGroup().IsEmpty().value());
}

TEST_P(ProcessGroupTest, KillsWhatIsFrozenInItAndBelow) {
  TestProcess process(CreateContainer(), SleepForever);
  TestProcess below(MakeSubgroup("below"), SleepForever);
  Freeze();

  EXPECT_EQ(KillUntilEmpty(OpenGroup(), absl::Seconds(5)), absl::OkStatus());

  EXPECT_EQ(WTERMSIG(process.Wait()), SIGKILL);
  EXPECT_EQ(WTERMSIG(below.Wait()), SIGKILL);
}

TEST_P(ProcessGroupTest, SaysHowManyWouldNotDie) {
  if (GetParam() != CgroupsMode::kV1) {
    GTEST_SKIP() << "only a v1 freezer above can hold a killed process";
  }
  // Its groups are below a frozen one, which stays so.
  const TestProcess process(CreateContainer(), SleepForever);
  const std::string executor = TrackedGroup();
  const std::string container = executor.substr(0, executor.rfind('/'));
  const std::string state = absl::StrCat(container, "/freezer.state");
  ASSERT_EQ(WriteKernelFile(state, "FROZEN"), absl::OkStatus());

  const absl::Status killed =
      KillUntilEmpty(OpenGroup(), absl::Milliseconds(20));

  EXPECT_EQ(killed.code(), absl::StatusCode::kDeadlineExceeded) << killed;
  EXPECT_THAT(std::string(killed.message()), HasSubstr("1 processes remain"));
  ASSERT_EQ(WriteKernelFile(state, "THAWED"), absl::OkStatus());
  process.WaitUntilZombie();
}

TEST_P(ProcessGroupTest, IsRemovedOnlyWhenEmpty) {
  CreateContainer();
  TestProcess process(MakeSubgroup("below"), SleepForever);
  const ProcessGroup group = OpenGroup();

  EXPECT_TRUE(absl::IsFailedPrecondition(group.Remove()));
  ASSERT_EQ(group.KillAll(), absl::OkStatus());
  process.Wait();

  EXPECT_EQ(group.Remove(), absl::OkStatus());
  EXPECT_EQ(TrackedGroup(), "") << "it is gone, and the group below with it";
}

TEST_P(ProcessGroupTest, HasNothingLeftToDoWhenItIsGone) {
  CreateContainer();
  const ProcessGroup group = OpenGroup();
  ASSERT_EQ(group.Remove(), absl::OkStatus());

  EXPECT_EQ(group.Remove(), absl::OkStatus());
  EXPECT_EQ(group.SignalAll(SIGTERM), absl::OkStatus());
  EXPECT_EQ(group.KillAll(), absl::OkStatus());
  EXPECT_TRUE(group.IsEmpty().value());
  EXPECT_EQ(KillUntilEmpty(group, absl::Seconds(1)), absl::OkStatus());
}

TEST_P(ProcessGroupTest, IsKnownByTheInodeOfItsV2Directory) {
  const ContainerGroups groups = CreateContainer();

  const uint64_t id = OpenGroup().cgroup_id();

  struct stat info = {};
  (void)stat(groups.cgroup_directory.c_str(), &info);  // none in kV1: zero
  EXPECT_EQ(id, info.st_ino);
  EXPECT_EQ(id == 0, GetParam() == CgroupsMode::kV1);
}

TEST_P(ProcessGroupTest, CountsOomKills) {
  const ContainerGroups groups = CreateContainer({.memory_bytes = 16 << 20});
  EXPECT_EQ(ReadOomKills(groups.oom_file), 0u);
  TestProcess process(groups, [] {
    const std::vector<char> too_much(64 << 20, 'x');
    _exit(too_much[0]);
  });

  EXPECT_EQ(WTERMSIG(process.Wait()), SIGKILL);

  EXPECT_EQ(ReadOomKills(groups.oom_file), 1u);
}

TEST(ProcessGroup, MustBeThere) {
  EXPECT_TRUE(
      absl::IsNotFound(ProcessGroup::Open("/nonexistent", "").status()));
  EXPECT_TRUE(
      absl::IsNotFound(ProcessGroup::Open("", "/nonexistent").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ProcessGroup::Open("", "").status()));
}

TEST(OomKills, AreNoneWhereNothingCountsThem) {
  EXPECT_EQ(ReadOomKills(""), 0u);
  EXPECT_EQ(ReadOomKills("/nonexistent"), 0u);
  EXPECT_EQ(ReadOomKills("/proc/self/status"), 0u);
}

}  // namespace
}  // namespace holdfast::shim
