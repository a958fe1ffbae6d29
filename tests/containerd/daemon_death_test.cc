// kill -9 of a real containerd. What the stock shim loses by it is a test as
// well: of what is different with ours.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/files.h"
#include "base/pidfd.h"
#include "tests/containerd/daemon_fixture.h"
#include "tests/containerd/leftovers.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {
namespace {

using testing::Values;

const std::vector<std::string> kObedient = {
    "sh", "-c", "trap 'exit 7' TERM; sleep 1000 & wait"};

class DaemonDeath : public DaemonTest {
 protected:
  // With no containerd there: SIGTERM to its init, which exits 7.
  void EndWhileDown(pid_t init) {
    AwaitChildOf(init);
    const ProcessWatch process(init);
    process.Kill(SIGTERM);
    (void)process.WaitForEnd(absl::Seconds(10));
  }

  // `ctr events`, as soon as there is a containerd.
  Pidfd Listen() const {
    const std::string ctr = absl::StrJoin(CtrCommand({}), " ");
    return StartProgram(
        {"/bin/sh", "-c",
         absl::StrCat("until ", ctr, " version >/dev/null 2>&1; do :; done; ",
                      "exec ", ctr, " events")},
        {}, Scratch("events"));
  }
  // What it heard of `topic`.
  std::vector<std::string> Published(const std::string& topic) const {
    std::vector<std::string> lines;
    for (const auto line :
         absl::StrSplit(ReadSmallFile(Scratch("events")).value_or(""), '\n')) {
      if (absl::StrContains(line, topic)) lines.emplace_back(line);
    }
    return lines;
  }
};

INSTANTIATE_TEST_SUITE_P(Lanes, DaemonDeath,
                         Values(Stock(kContainerd16), Ours(kContainerd16),
                                Ours(kContainerd17), Ours(kContainerd2)),
                         LaneName);

TEST_P(DaemonDeath, LeavesAContainerThatIsServedAgain) {
  const pid_t init = RunDetached("c1", kObedient);
  AwaitChildOf(init);

  RestartDaemon();

  EXPECT_EQ(StatusOf("c1"), "RUNNING");
  EXPECT_EQ(PidOf("c1"), init);
  for (const char* exec : {"e1", "e2"}) {
    EXPECT_EQ(
        MustCtr({"task", "exec", "--exec-id", exec, "c1", "echo", "hello"}),
        "hello\n");
  }
  MustCtr({"task", "pause", "c1"});
  RestartDaemon();
  EXPECT_EQ(StatusOf("c1"), "PAUSED");
  MustCtr({"task", "resume", "c1"});
  MustCtr({"task", "kill", "c1"});
  AwaitStatus("c1", "STOPPED");
  EXPECT_EQ(RemoveTask("c1"), 7);
}

TEST_P(DaemonDeath, KeepsTheExitOfAContainerThatEndsMeanwhile) {
  const pid_t init = RunDetached("c1", kObedient);

  KillDaemon();
  EndWhileDown(init);
  StartDaemon();

  EXPECT_EQ(StatusOf("c1"), "STOPPED");
  EXPECT_EQ(RemoveTask("c1"), 7);
}

TEST_P(DaemonDeath, KeepsTheExitAcrossSeveral) {
  const pid_t init = RunDetached("c1", kObedient);

  KillDaemon();
  EndWhileDown(init);
  StartDaemon();
  RestartDaemon();
  RestartDaemon();

  EXPECT_EQ(StatusOf("c1"), "STOPPED");
  EXPECT_EQ(RemoveTask("c1"), 7);
}

TEST_P(DaemonDeath, PublishesTheEndsThatItMissed) {
  if (!shim().ours) GTEST_SKIP() << "a stock shim never tells of them";
  const pid_t init = RunDetached("c1", kObedient);
  // A part of what it needs is above its limit.
  MustCtr(RunArguments({"-d", "--memory-limit", "20000000"}, "c2",
                       {"sh", "-c",
                        "while ! [ -e /now ]; do sleep 0.1; done; "
                        "tail /dev/zero"}));
  const ProcessWatch other(PidOf("c2"));

  KillDaemon();
  EndWhileDown(init);
  std::ofstream(absl::StrCat("/proc/", other.pid(), "/root/now")).close();
  (void)other.WaitForEnd(absl::Seconds(20));
  const Pidfd listener = Listen();
  StartDaemon();

  EXPECT_TRUE(Eventually([&] {
    const std::vector<std::string> exits = Published("/tasks/exit");
    return std::any_of(exits.begin(), exits.end(), [](const auto& line) {
      return absl::StrContains(line, "\"c1\"") &&
             absl::StrContains(line, "\"exit_status\":7,");
    });
  })) << *ReadSmallFile(Scratch("events"));
  EXPECT_TRUE(Eventually([&] { return !Published("/tasks/oom").empty(); }));
  KillAll({listener.pid()});
}

TEST_P(DaemonDeath, InTheMiddleOfManyLaunchesLosesNoneThatWasAnswered) {
  // A stock shim between its start and the daemon's first call is forgotten.
  if (!shim().ours) MayLeaveSomething();
  const int count = shim().ours ? 100 : 20;
  std::atomic<int> next = 0;
  std::atomic<int> tried = 0;
  std::vector<char> launched(static_cast<size_t>(count));
  const auto launch = [&] {
    for (int i; (i = next++) < count; ++tried) {
      const CommandResult run = DaemonTest::Ctr(
          RunArguments({"-d"}, absl::StrCat("c", i), {"sleep", "1000"}));
      launched[static_cast<size_t>(i)] = run.exit_code == 0;
    }
  };
  std::vector<std::thread> launchers;
  for (int i = 0; i < 8; ++i) launchers.emplace_back(launch);
  EXPECT_TRUE(Eventually([&] { return tried > count / 2; }, absl::Minutes(1)));

  KillDaemon();
  for (std::thread& launcher : launchers) launcher.join();
  StartDaemon();

  int answered = 0;
  for (int i = 0; i < count; ++i) {
    if (!launched[static_cast<size_t>(i)]) continue;
    ++answered;
    EXPECT_EQ(StatusOf(absl::StrCat("c", i)), "RUNNING");
  }
  EXPECT_GT(answered, count / 2);
}

TEST_P(DaemonDeath, OneShimThatHangsDoesNotTakeTheOthersAlong) {
  constexpr int kContainers = 20;
  for (int i = 0; i < kContainers; ++i)
    RunDetached(absl::StrCat("c", i), {"sleep", "1000"});
  const absl::StatusOr<Pidfd> stopped = Pidfd::Open(ShimOf("c7"));
  ASSERT_TRUE(stopped.ok());

  ASSERT_TRUE(stopped->Signal(SIGSTOP).ok());
  RestartDaemon();

  for (int i = 0; i < kContainers; ++i) {
    if (i == 7) continue;
    EXPECT_EQ(StatusOf(absl::StrCat("c", i)), "RUNNING") << i;
  }
  EXPECT_EQ(MustCtr({"task", "exec", "--exec-id", "e1", "c8", "echo", "on"}),
            "on\n");
  // containerd has given it up, and its container with it. A stock shim that
  // is killed leaves its socket.
  KillAll({stopped->pid()});
  if (!shim().ours) MayLeaveSomething();
}

// containerd asks the shim's program, and publishes what that knows.
TEST_P(DaemonDeath, OfAShimThatDiedAfterItsTaskTheTrueStatusIsPublished) {
  AwaitChildOf(RunDetached("c1", kObedient));
  const Pidfd listener = Listen();
  // One that subscribed too late sees nothing.
  EXPECT_TRUE(Eventually([&] {
    MustCtr({"task", "exec", "--exec-id", "e1", "c1", "true"});
    return !Published("/tasks/exec-added").empty();
  }));

  MustCtr({"task", "kill", "c1"});
  AwaitStatus("c1", "STOPPED");
  KillAll({ShimOf("c1")});

  EXPECT_TRUE(Eventually([&] { return !Published("/tasks/delete").empty(); }));
  const std::string wanted =
      absl::StrCat("\"exit_status\":", shim().ours ? 7 : 137, ",");
  for (const std::string& line : Published("/tasks/delete"))
    EXPECT_TRUE(absl::StrContains(line, wanted)) << line;
  KillAll({listener.pid()});
}

class StockLoses : public DaemonDeath {};

INSTANTIATE_TEST_SUITE_P(Lanes, StockLoses,
                         Values(Stock(kContainerd17), Stock(kContainerd2)),
                         LaneName);

TEST_P(StockLoses, TheTaskThatEndsWhileContainerdIsDown) {
  const pid_t init = RunDetached("c1", kObedient);

  KillDaemon();
  EndWhileDown(init);
  StartDaemon();

  EXPECT_EQ(StatusOf("c1"), "");
}

}  // namespace
}  // namespace holdfast::containerd
