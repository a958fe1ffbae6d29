// The fences of living executors, seen and moved by a person: with an agent,
// and without one.

#include <signal.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "api/time_convert.h"
#include "gmock/gmock.h"
#include "tests/fakes/slowness.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr absl::Duration kTimeout = absl::Seconds(2 * kSlowness);

class Leases : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    Register(kFramework);
    Watch(kFramework);
  }

  v1::Task LaunchShortLived(const std::string& task_id) {
    const v1::Task task = Launch(
        WithRecoveryTimeout(ShellTask(task_id, "exec sleep 1000"), kTimeout));
    AwaitRunning({task_id});
    return task;
  }
  ctl::CtlProcess::Result Lease(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "lease");
    return ctl::RunCtl(address(), std::move(arguments));
  }
  // The agent is gone for longer than the fence of `other`, which tells.
  void StayAwayUntilTheEndOf(const v1::Task& other) {
    const ProcessWatch fenced(other.pid());
    if (agent().pid() != 0) KillAgent();
    fenced.WaitForEnd(kTimeout + absl::Seconds(10));
  }
};

TEST_F(Leases, ArePausedThroughTheAgentAndHoldWhenItDies) {
  const v1::Task paused = LaunchShortLived("paused");
  const v1::Task other = LaunchShortLived("other");

  const auto result = Lease({"pause", "paused"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("ATTACHED, PAUSED"));
  EXPECT_THAT(result.out, Not(HasSubstr("other")));
  EXPECT_THAT(result.err, HasSubstr("asked the agent at "));
  StayAwayUntilTheEndOf(other);

  EXPECT_TRUE(ProcessWatch(paused.pid()).Runs());
  RestartAgent();
  EXPECT_EQ(Get("paused").task().pid(), paused.pid());
  EXPECT_THAT(Lease({"ls"}).out, HasSubstr("PAUSED"));
}

TEST_F(Leases, ArePausedWithoutAnAgentAndResumedThroughTheNext) {
  const v1::Task paused = LaunchShortLived("paused");
  const v1::Task other = LaunchShortLived("other");
  KillAgent();

  const auto result = Lease({"pause", "paused"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("DETACHED, PAUSED"));
  EXPECT_THAT(result.err, HasSubstr("asked 2 shims in "));
  StayAwayUntilTheEndOf(other);

  EXPECT_TRUE(ProcessWatch(paused.pid()).Runs());
  RestartAgent();
  EXPECT_EQ(Get("paused").task().pid(), paused.pid());
  const auto resumed = Lease({"resume", "--all"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_THAT(resumed.out, Not(HasSubstr("PAUSED")));
  StayAwayUntilTheEndOf(paused);
  StartAgent();
  EXPECT_EQ(AwaitEnd("paused").reason(), v1::REASON_RECOVERY_TIMEOUT);
}

TEST_F(Leases, OfAllAreExtendedWithoutAnAgent) {
  std::vector<v1::Task> tasks;
  for (int i = 0; i < 5; ++i) {
    tasks.push_back(LaunchShortLived(absl::StrCat("task-", i)));
  }
  const v1::Task other = LaunchShortLived("other");
  KillAgent();

  const auto result = Lease({"extend", "1h", "--all"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const v1::Task& task : tasks) {
    EXPECT_THAT(result.out, HasSubstr(task.task_id()));
  }
  EXPECT_THAT(result.out, HasSubstr("59m5"));
  // One of them no longer: its fence may be due at once.
  const ProcessWatch fenced(other.pid());
  EXPECT_EQ(Lease({"extend", "0s", "other"}).exit_code, 0);
  fenced.WaitForEnd(kTimeout + absl::Seconds(10));

  for (const v1::Task& task : tasks) {
    EXPECT_TRUE(ProcessWatch(task.pid()).Runs()) << task.task_id();
  }
}

TEST_F(Leases, AreToldTheSameBothWays) {
  LaunchShortLived("one");
  LaunchShortLived("two");
  EXPECT_EQ(Lease({"extend", "1h", "--all"}).exit_code, 0);

  const auto with = Lease({"ls", "-o", "json"});
  KillAgent();
  const auto without = Lease({"ls", "-o", "json"});

  EXPECT_EQ(with.exit_code, 0) << with.err;
  EXPECT_EQ(without.exit_code, 0) << without.err;
  const auto comparable = [](const std::string& json) {
    std::string text;
    for (absl::string_view line : absl::StrSplit(json, '\n')) {
      if (absl::StrContains(line, "\"remaining\"")) continue;
      absl::StrAppend(&text, line, "\n");
    }
    return absl::StrReplaceAll(text, {{"DETACHED", "ATTACHED"}});
  };
  EXPECT_EQ(comparable(with.out), comparable(without.out));
  EXPECT_THAT(without.out, HasSubstr("\"DETACHED\""));
}

TEST_F(Leases, AreTimedAnewThroughTheAgent) {
  const v1::Task task = Launch(ShellTask("timed", "exec sleep 1000"));
  AwaitRunning({"timed"});

  const auto result = Lease({"timeout", "1s", "timed"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  StayAwayUntilTheEndOf(task);
  StartAgent();

  EXPECT_EQ(AwaitEnd("timed").reason(), v1::REASON_RECOVERY_TIMEOUT);
}

TEST_F(Leases, OfTasksThatNobodyHasAreRefusedBothWays) {
  LaunchShortLived("one");
  EXPECT_EQ(Lease({"pause", "one"}).exit_code, 0);

  const auto with = Lease({"pause", "none"});
  KillAgent();
  const auto without = Lease({"pause", "none"});

  EXPECT_EQ(with.exit_code, 1);
  EXPECT_THAT(with.err, HasSubstr("task none"));
  EXPECT_EQ(without.exit_code, 1);
  EXPECT_THAT(without.err, HasSubstr("task none"));
}

TEST_F(Leases, OfAShimThatDoesNotAnswerCostTheOthersNothing) {
  const v1::Task hung = Launch(ShellTask("hung", "exec sleep 1000"));
  const v1::Task other = Launch(ShellTask("other", "exec sleep 1000"));
  AwaitRunning({"hung", "other"});
  KillAgent();
  const ProcessWatch shim(hung.shim_pid());
  shim.Kill(SIGSTOP);

  const auto listed = Lease({"ls", "--timeout", "500ms"});
  const auto changed = Lease({"pause", "--all", "--timeout", "500ms"});
  shim.Kill(SIGCONT);

  EXPECT_EQ(listed.exit_code, 0) << listed.err;
  EXPECT_THAT(listed.out, HasSubstr("its shim does not answer"));
  EXPECT_EQ(changed.exit_code, 1) << "not all are paused, and it must say so";
  EXPECT_THAT(changed.err, HasSubstr("1 shims do not answer"));
  EXPECT_THAT(Lease({"ls"}).out, HasSubstr("PAUSED"));
}

TEST_F(Leases, OfNobodyAreNotAskedForWhereNoAgentEverWas) {
  const auto result =
      ctl::RunCtl(absl::StrCat("unix:", Scratch("nowhere"), "/holdfastd.sock"),
                  {"lease", "ls"});

  EXPECT_EQ(result.exit_code, 69);
  EXPECT_THAT(result.err, HasSubstr("is holdfastd running?"));
}

}  // namespace
}  // namespace holdfast
