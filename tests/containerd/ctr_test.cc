// What a person does with ctr, under a real containerd: with the stock shim to
// show what is right, with ours to show that it is the same.
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/files.h"
#include "tests/containerd/daemon_fixture.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {
namespace {

using testing::Values;

class Ctr : public DaemonTest {};

INSTANTIATE_TEST_SUITE_P(Lanes, Ctr,
                         Values(Stock(kContainerd16), Ours(kContainerd16),
                                Ours(kContainerd17), Ours(kContainerd2)),
                         LaneName);

TEST_P(Ctr, RunPrintsWhatItsContainerPrintsAndExitsAsItDoes) {
  const CommandResult run = DaemonTest::Ctr(RunArguments(
      {"--rm"}, "c1", {"sh", "-c", "echo out; echo err >&2; exit 7"}));

  EXPECT_EQ(run.exit_code, 7);
  EXPECT_EQ(run.out, "out\n");
  EXPECT_TRUE(absl::StrContains(run.err, "err\n")) << run.err;
}

TEST_P(Ctr, RunOfAProgramThatIsNotThereNamesIt) {
  const CommandResult run =
      DaemonTest::Ctr(RunArguments({"--rm"}, "c1", {"/no/such/program"}));

  EXPECT_NE(run.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(run.err, "/no/such/program")) << run.err;
}

TEST_P(Ctr, ATerminalIsTheContainersOwn) {
  const std::vector<std::string> run =
      RunArguments({"--rm", "-t"}, "c1", {"sh", "-c", "'tty; exit 3'"});
  const std::string command = absl::StrJoin(CtrCommand(run), " ");

  const CommandResult result =
      RunCommand({"/usr/bin/script", "-qec", command, "/dev/null"});

  EXPECT_EQ(result.exit_code, 3);
  EXPECT_TRUE(absl::StrContains(result.out, "/dev/pts/0")) << result.out;
}

// The one of a shim's cgroups that is its daemon's alone, in the v2 tree.
std::string CgroupOf(pid_t pid) {
  const std::string text =
      ReadSmallFile(absl::StrCat("/proc/", pid, "/cgroup")).value_or("");
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, "0::")) return std::string(line);
  }
  return "";
}

TEST_P(Ctr, TheShimHasACgroupOfItsOwnWhileItLives) {
  if (!shim().ours) GTEST_SKIP() << "a stock shim stays in its daemon's";
  RunDetached("c1", {"sleep", "1000"});

  const std::string cgroup = CgroupOf(ShimOf("c1"));

  if (cgroup.empty()) GTEST_SKIP() << "this host has no cgroup v2 tree";
  EXPECT_NE(cgroup, CgroupOf(getpid()));
  EXPECT_TRUE(absl::StrContains(cgroup, "/containerd-")) << cgroup;
  MustCtr({"task", "kill", "-s", "KILL", "c1"});
  AwaitStatus("c1", "STOPPED");
  RemoveTask("c1");
  EXPECT_TRUE(Eventually([&] {
    return access(("/sys/fs/cgroup" + cgroup).c_str(), F_OK) != 0 &&
           access(("/sys/fs/cgroup/unified" + cgroup).c_str(), F_OK) != 0;
  }));
}

TEST_P(Ctr, ExecRunsBesideTheContainersOwnProcess) {
  RunDetached("c1", {"sleep", "1000"});

  const CommandResult exec = DaemonTest::Ctr(
      {"task", "exec", "--exec-id", "e1", "c1", "sh", "-c", "ps; exit 5"});
  const CommandResult again = DaemonTest::Ctr(
      {"task", "exec", "--exec-id", "e1", "c1", "echo", "again"});
  const CommandResult bad = DaemonTest::Ctr(
      {"task", "exec", "--exec-id", "e2", "c1", "/no/such/program"});

  EXPECT_EQ(exec.exit_code, 5);
  EXPECT_TRUE(absl::StrContains(exec.out, "sleep 1000")) << exec.out;
  EXPECT_EQ(again.out, "again\n");
  EXPECT_NE(bad.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(bad.err, "/no/such/program")) << bad.err;
}

TEST_P(Ctr, PausesResumesMeasuresAndKills) {
  RunDetached("c1", {"sleep", "1000"});

  MustCtr({"task", "pause", "c1"});
  EXPECT_EQ(StatusOf("c1"), "PAUSED");
  MustCtr({"task", "resume", "c1"});
  EXPECT_EQ(StatusOf("c1"), "RUNNING");
  const std::string metrics = MustCtr({"task", "metrics", "c1"});
  EXPECT_TRUE(absl::StrContains(metrics, "pids")) << metrics;
  const std::string processes = MustCtr({"task", "ps", "c1"});
  EXPECT_TRUE(absl::StrContains(processes, absl::StrCat(PidOf("c1"))))
      << processes;
  MustCtr({"task", "kill", "-s", "KILL", "c1"});
  AwaitStatus("c1", "STOPPED");

  EXPECT_EQ(RemoveTask("c1"), 137);
  EXPECT_EQ(StatusOf("c1"), "");
}

class CtrOf2 : public DaemonTest {};

INSTANTIATE_TEST_SUITE_P(Lanes, CtrOf2,
                         Values(Stock(kContainerd2), Ours(kContainerd2)),
                         LaneName);

// 2.x leaves it to the shim to map the owners of an image's files.
TEST_P(CtrOf2, AnImagesFilesAreItsRootsInAUserNamespace) {
  // The namespace's root is on its way to the bundle.
  ASSERT_EQ(chmod(Scratch("").c_str(), 0711), 0);

  const CommandResult run = DaemonTest::Ctr(RunArguments(
      {"--rm", "--remap-labels", "--uidmap", "0:1000:65536", "--gidmap",
       "0:2000:65536"},
      "c1",
      {"sh", "-c", "stat -c %u:%g /bin/busybox; cat /proc/self/uid_map"}));

  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(absl::StrReplaceAll(run.out, {{" ", ""}}), "0:0\n0100065536\n");
}

}  // namespace
}  // namespace holdfast::containerd
