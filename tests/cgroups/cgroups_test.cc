#include "cgroups/cgroups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "tests/cgroups/container_fixture.h"

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CgroupsTest : public ContainerTest {};
INSTANTIATE_TEST_SUITE_P(Modes, CgroupsTest, kAllModes, ModeName);

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

std::string Parent(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

// All groups that the container has in any hierarchy, its own directory each.
std::set<std::string> Directories(const ContainerGroups& groups) {
  std::set<std::string> directories;
  for (const std::string& file : groups.join_files) {
    directories.insert(Parent(Parent(file)));
  }
  directories.insert(Parent(Parent(groups.shim_procs_file)));
  return directories;
}

std::string CgroupsOf(pid_t pid) {
  return ReadSmallFile(absl::StrCat("/proc/", pid, "/cgroup")).value_or("");
}

TEST_P(CgroupsTest, MakesGroupsForTheShimAndTheExecutorAlone) {
  const ContainerGroups groups = CreateContainer();

  const bool v1 = GetParam() == CgroupsMode::kV1;
  EXPECT_EQ(groups.cgroup_directory.empty(), v1);
  EXPECT_EQ(groups.freezer_directory.empty(), !v1);
  EXPECT_TRUE(Exists(groups.shim_procs_file));
  EXPECT_THAT(groups.shim_procs_file,
              HasSubstr(absl::StrCat(root_, "/", id_, "/shim/cgroup.procs")));
  for (const std::string& file : groups.join_files) EXPECT_TRUE(Exists(file));
  if (GetParam() == CgroupsMode::kHybrid) {
    EXPECT_THAT(groups.join_files, IsEmpty()) << "no limit asks for v1";
    EXPECT_EQ(groups.oom_file, "");
  }
}

TEST_P(CgroupsTest, FindsWhatItMade) {
  const CgroupLimits limits = {.cpus = 1, .memory_bytes = 64 << 20, .pids = 10};
  const ContainerGroups made = CreateContainer(limits);

  const ContainerGroups found = cgroups_->FindContainer(id_);

  EXPECT_EQ(found.shim_procs_file, made.shim_procs_file);
  EXPECT_EQ(found.cgroup_directory, made.cgroup_directory);
  EXPECT_EQ(found.freezer_directory, made.freezer_directory);
  EXPECT_EQ(found.join_files, made.join_files);
  EXPECT_EQ(found.oom_file, made.oom_file);
  EXPECT_TRUE(Exists(found.oom_file));
  EXPECT_THAT(cgroups_->Containers().value(), ElementsAre(id_));
}

TEST_P(CgroupsTest, FindsNothingWhereThereIsNothing) {
  EXPECT_EQ(cgroups_->FindContainer("other").shim_procs_file, "");
  EXPECT_THAT(cgroups_->Containers().value(), IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(cgroups_->Kill("other")));
  EXPECT_TRUE(absl::IsNotFound(cgroups_->Usage("other").status()));
  EXPECT_TRUE(absl::IsNotFound(cgroups_->SetLimits("other", {})));
  EXPECT_EQ(cgroups_->HasProcesses("other").value(), false);
  EXPECT_TRUE(cgroups_->RemoveContainer("other").ok());
}

TEST_P(CgroupsTest, ReplacesEmptyGroupsOfAnEarlierLife) {
  const ContainerGroups groups = CreateContainer();
  const std::string leftover = absl::StrCat(TrackedGroup(), "/sub");
  ASSERT_EQ(mkdir(leftover.c_str(), 0755), 0);

  const auto again = cgroups_->CreateContainer(id_, {});

  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(Exists(leftover));
}

TEST_P(CgroupsTest, RefusesToMakeAContainerThatLives) {
  const TestProcess process(CreateContainer(), SleepForever);

  const auto again = cgroups_->CreateContainer(id_, {});

  EXPECT_TRUE(absl::IsAlreadyExists(again.status())) << again.status();
  EXPECT_TRUE(cgroups_->HasProcesses(id_).value());
}

TEST_P(CgroupsTest, RefusesIdsThatAreNoNameOfAGroup) {
  for (const std::string id : {"", ".", "..", "a/b", "a\nb"}) {
    EXPECT_TRUE(
        absl::IsInvalidArgument(cgroups_->CreateContainer(id, {}).status()))
        << id;
    EXPECT_TRUE(absl::IsInvalidArgument(cgroups_->RemoveContainer(id))) << id;
  }
  // A file of the kernel's.
  EXPECT_FALSE(cgroups_->CreateContainer("cgroup.procs", {}).ok());
}

// A killed process is gone in a moment, and no event tells when.
bool IsEmptySoon(const Cgroups& cgroups, const std::string& id) {
  for (int i = 0; i < 5000; ++i) {
    if (!cgroups.HasProcesses(id).value()) return true;
    poll(nullptr, 0, /*timeout=*/1);
  }
  return false;
}

TEST_P(CgroupsTest, KillsADaemonThatForkedTwice) {
  const NumberPipe daemon_pid;
  const TestProcess parent(CreateContainer(), [&] {
    if (fork() == 0) {
      setsid();
      if (fork() == 0) {
        daemon_pid.Send(getpid());
        SleepForever();
      }
      _exit(0);
    }
  });
  const auto daemon = Pidfd::Open(daemon_pid.Receive());
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  parent.WaitUntilZombie();
  EXPECT_TRUE(cgroups_->HasProcesses(id_).value());

  ASSERT_TRUE(cgroups_->Kill(id_).ok());

  EXPECT_TRUE(EndsSoon(*daemon));
  // The process between the two may have been on its way out.
  EXPECT_TRUE(IsEmptySoon(*cgroups_, id_));
}

TEST_P(CgroupsTest, KillsAFrozenContainer) {
  TestProcess process(CreateContainer(), SleepForever);
  Freeze();

  ASSERT_TRUE(cgroups_->Kill(id_).ok());

  EXPECT_EQ(WTERMSIG(process.Wait()), SIGKILL);
}

TEST_P(CgroupsTest, RemovesNothingWhileAProcessIsLeftAndLosesNone) {
  const ContainerGroups groups = CreateContainer({.pids = 10});
  TestProcess process(groups, SleepForever);
  const std::string before = CgroupsOf(process.pid());

  const absl::Status removed = cgroups_->RemoveContainer(id_);

  EXPECT_TRUE(absl::IsFailedPrecondition(removed)) << removed;
  EXPECT_THAT(std::string(removed.message()), HasSubstr("1 processes"));
  EXPECT_EQ(CgroupsOf(process.pid()), before);
  for (const std::string& each : Directories(groups)) EXPECT_TRUE(Exists(each));
}

TEST_P(CgroupsTest, KillsAShimThatIsStoppedAndNotItsExecutor) {
  const ContainerGroups executor_groups = CreateContainer();
  ContainerGroups shim_groups = executor_groups;
  shim_groups.join_files = {executor_groups.shim_procs_file};
  shim_groups.cgroup_directory.clear();
  TestProcess shim(shim_groups, SleepForever);
  const TestProcess executor(executor_groups, SleepForever);
  ASSERT_EQ(kill(shim.pid(), SIGSTOP), 0);

  ASSERT_TRUE(cgroups_->KillShim(id_).ok());

  EXPECT_EQ(WTERMSIG(shim.Wait()), SIGKILL);
  EXPECT_TRUE(cgroups_->HasProcesses(id_).value());
  EXPECT_TRUE(absl::IsNotFound(cgroups_->KillShim("nobody")));
}

TEST_P(CgroupsTest, RemovesNothingWhileTheShimLives) {
  ContainerGroups shim = CreateContainer();
  shim.join_files = {shim.shim_procs_file};
  shim.cgroup_directory.clear();
  const TestProcess process(shim, SleepForever);

  EXPECT_TRUE(absl::IsFailedPrecondition(cgroups_->RemoveContainer(id_)));
  EXPECT_FALSE(cgroups_->HasProcesses(id_).value()) << "the shim's is not its";
}

TEST_P(CgroupsTest, RemovesGroupsThatTheTaskMade) {
  const ContainerGroups groups =
      CreateContainer({.cpus = 1, .memory_bytes = 64 << 20, .pids = 10});
  for (const std::string& file : groups.join_files) {
    ASSERT_EQ(mkdir(absl::StrCat(Parent(file), "/sub").c_str(), 0755), 0);
  }
  if (!groups.cgroup_directory.empty()) {
    const std::string sub = absl::StrCat(groups.cgroup_directory, "/sub");
    ASSERT_EQ(mkdir(sub.c_str(), 0755), 0);
    ASSERT_EQ(mkdir(absl::StrCat(sub, "/deeper").c_str(), 0755), 0);
  }

  const absl::Status removed = cgroups_->RemoveContainer(id_);

  EXPECT_TRUE(removed.ok()) << removed;
  for (const std::string& each : Directories(groups)) {
    EXPECT_FALSE(Exists(each)) << each;
  }
}

TEST_P(CgroupsTest, RemovesItsRootOnlyWhenItIsEmpty) {
  const ContainerGroups groups = CreateContainer({.pids = 10});

  cgroups_->RemoveRootIfEmpty();
  EXPECT_TRUE(Exists(groups.shim_procs_file));
  ASSERT_TRUE(cgroups_->RemoveContainer(id_).ok());
  cgroups_->RemoveRootIfEmpty();

  for (const std::string& each : Directories(groups)) {
    EXPECT_FALSE(Exists(Parent(each))) << each;
  }
}

TEST_P(CgroupsTest, CountsWhatAContainerUses) {
  const ContainerGroups groups =
      CreateContainer({.memory_bytes = 64 << 20, .pids = 10});
  const NumberPipe worked;
  const TestProcess process(groups, [&] {
    std::vector<char> touched(8 << 20, 'x');
    clock_t begin = clock();
    while (clock() - begin < CLOCKS_PER_SEC / 20) {
    }
    worked.Send(touched[1]);
    SleepForever();
  });
  ASSERT_EQ(worked.Receive(), 'x');

  const auto usage = cgroups_->Usage(id_);

  ASSERT_TRUE(usage.ok()) << usage.status();
  EXPECT_GE(usage->cpu_usec.value(), 50000u);
  EXPECT_TRUE(usage->cpu_user_usec.has_value());
  EXPECT_TRUE(usage->cpu_system_usec.has_value());
  EXPECT_GE(usage->memory_bytes.value(), 8u << 20);
  EXPECT_LT(usage->memory_bytes.value(), 64u << 20);
  EXPECT_GE(usage->memory_peak_bytes.value(), usage->memory_bytes.value());
  EXPECT_EQ(usage->oom_kills.value(), 0u);
  EXPECT_EQ(usage->pids.value(), 1u);
}

TEST_P(CgroupsTest, ServesManyThreadsAtOnce) {
  const auto serve = [&](int thread) {
    for (int round = 0; round < 20; ++round) {
      const std::string id = absl::StrCat("t", thread, "-", round);
      const CgroupLimits limits = {
          .cpus = 1, .memory_bytes = 64 << 20, .pids = 10};
      EXPECT_TRUE(cgroups_->CreateContainer(id, limits).ok());
      EXPECT_EQ(cgroups_->Usage(id).value().pids, 0u);
      EXPECT_TRUE(cgroups_->RemoveContainer(id).ok());
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) threads.emplace_back(serve, i);
  for (std::thread& thread : threads) thread.join();

  EXPECT_THAT(cgroups_->Containers().value(), IsEmpty());
}

TEST(CgroupsRoot, MustBeARelativePath) {
  for (const std::string root : {"", "/a", "a/", "a//b", "..", "a/../b"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Cgroups::Create(root).status()))
        << root;
  }
}

TEST(CgroupsRoot, MayBeBelowAnother) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make cgroups";
  const std::string parent = absl::StrCat("holdfast-test-", getpid(), "-nest");
  auto cgroups = Cgroups::Create(absl::StrCat(parent, "/below"));
  if (!cgroups.ok()) GTEST_SKIP() << cgroups.status();

  const auto groups = (*cgroups)->CreateContainer("c", {});

  ASSERT_TRUE(groups.ok()) << groups.status();
  EXPECT_TRUE(Exists(groups->shim_procs_file));
  EXPECT_TRUE((*cgroups)->RemoveContainer("c").ok());
  (*cgroups)->RemoveRootIfEmpty();
  const std::string root = Parent(Parent(Parent(groups->shim_procs_file)));
  EXPECT_FALSE(Exists(Parent(root))) << "it made the parent, too";
}

}  // namespace
}  // namespace holdfast
