#include "cgroups/group_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "tests/cgroups/container_fixture.h"

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class GroupTreeTest : public ContainerTest {};
INSTANTIATE_TEST_SUITE_P(Modes, GroupTreeTest, kAllModes, ModeName);

TEST_P(GroupTreeTest, IsEmptyTheMomentAProcessHasEnded) {
  const ContainerGroups groups = CreateContainer();
  const std::string group = TrackedGroup();

  // Well within the 10 ms that lie between two notifications of the kernel.
  for (int round = 0; round < 50; ++round) {
    TestProcess process(groups, SleepForever);
    ASSERT_TRUE(HasProcesses(group).value());
    kill(process.pid(), SIGKILL);
    process.WaitUntilZombie();
    ASSERT_FALSE(HasProcesses(group).value()) << "a zombie is none";
    ASSERT_EQ(CountProcesses(group).value(), 0u);
  }
}

TEST_P(GroupTreeTest, CountsAProcessWhoseFirstThreadIsOver) {
  const NumberPipe thread_runs;
  TestProcess process(CreateContainer(), [&] {
    std::thread([&] {
      thread_runs.Send(1);
      SleepForever();
    }).detach();
    syscall(SYS_exit, 0);  // this thread alone
  });
  ASSERT_EQ(thread_runs.Receive(), 1);
  const std::string stat_path = absl::StrCat("/proc/", process.pid(), "/stat");
  while (ReadSmallFile(stat_path).value().find(") Z ") == std::string::npos) {
    std::this_thread::yield();
  }

  EXPECT_TRUE(HasProcesses(TrackedGroup()).value());
  EXPECT_THAT(ReadPids(TrackedGroup()).value(), ElementsAre(process.pid()));
  ASSERT_TRUE(cgroups_->Kill(id_).ok());
  EXPECT_EQ(WTERMSIG(process.Wait()), SIGKILL);
}

TEST_P(GroupTreeTest, CountsGroupsBelow) {
  ContainerGroups groups = CreateContainer();
  const std::string below = absl::StrCat(TrackedGroup(), "/a/b");
  ASSERT_TRUE(MakeGroups(below).ok());
  groups.join_files = {absl::StrCat(below, "/cgroup.procs")};
  groups.cgroup_directory.clear();
  const TestProcess process(groups, SleepForever);

  EXPECT_THAT(ReadPids(TrackedGroup()).value(), IsEmpty());
  EXPECT_EQ(CountProcesses(TrackedGroup()).value(), 1u);
  EXPECT_TRUE(HasProcesses(TrackedGroup()).value());
  EXPECT_TRUE(absl::IsFailedPrecondition(RemoveGroups(TrackedGroup())));
}

TEST_P(GroupTreeTest, TellsWhichGroupsItMade) {
  CreateContainer();
  const std::string a = absl::StrCat(TrackedGroup(), "/a");
  std::vector<std::string> made;

  ASSERT_TRUE(MakeGroups(absl::StrCat(a, "/b"), &made).ok());
  EXPECT_THAT(made, ElementsAre(a, absl::StrCat(a, "/b")));
  ASSERT_TRUE(MakeGroups(absl::StrCat(a, "/b"), &made).ok());
  EXPECT_EQ(made.size(), 2u) << "all were there";
  EXPECT_THAT(ReadGroups(a).value(), ElementsAre(a, absl::StrCat(a, "/b")));
}

TEST(GroupTree, HasNothingWhereThereIsNoGroup) {
  const std::string gone = "/nonexistent/group";

  EXPECT_FALSE(HasProcesses(gone).value());
  EXPECT_THAT(ReadPids(gone).value(), IsEmpty());
  EXPECT_THAT(ReadGroups(gone).value(), IsEmpty());
  EXPECT_EQ(CountProcesses(gone).value(), 0u);
  EXPECT_TRUE(RemoveGroups(gone).ok());
}

}  // namespace
}  // namespace holdfast
