// What goes on by itself while the agent dies and comes back under it.
#include <signal.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "tests/plugin/ctl/ctl_fixture.h"

namespace holdfast::ctl {
namespace {

using ::testing::HasSubstr;

constexpr char kAway[] =
    "holdfastctl: the agent is away; waiting for it to come back\n";

using RestartTest = CtlTest;

TEST_F(RestartTest, RunGoesOnWhereTheOutputStopped) {
  CtlProcess run(Address(), {"run", "--id", "t-1", "--", "app"});
  agent.WaitForLaunch("t-1");
  agent.Write("t-1", v1::LogsResponse::STDOUT, "before the agent died\n");
  run.WaitForOutput("died\n");

  agent.Die();
  run.WaitForError(kAway);
  agent.Write("t-1", v1::LogsResponse::STDOUT, "while it was away\n");
  agent.Start();
  agent.Write("t-1", v1::LogsResponse::STDOUT, "after it came back\n");
  run.WaitForOutput("back\n");
  agent.End("t-1", 42);

  const auto result = run.Wait();
  EXPECT_EQ(result.exit_code, 42);
  EXPECT_EQ(result.out,
            "before the agent died\nwhile it was away\nafter it came back\n");
  EXPECT_EQ(result.err, kAway);
}

TEST_F(RestartTest, RunOutlastsAnOrderlyShutdownToo) {
  CtlProcess run(Address(), {"run", "--id", "t-1", "--", "app"});
  agent.WaitForLaunch("t-1");
  agent.Write("t-1", v1::LogsResponse::STDOUT, "one\n");
  run.WaitForOutput("one\n");

  agent.ShutDown();
  run.WaitForError(kAway);
  agent.Start();
  agent.Write("t-1", v1::LogsResponse::STDOUT, "two\n");
  agent.End("t-1", 0);

  const auto result = run.Wait();
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "one\ntwo\n");
}

TEST_F(RestartTest, NoByteIsLostOrShownTwiceOverManyDeaths) {
  CtlProcess run(Address(), {"run", "--id", "t-1", "--", "app"});
  agent.WaitForLaunch("t-1");
  std::string written[2];
  for (int life = 0; life < 6; ++life) {
    for (int line = 0; line < 500; ++line) {
      const std::string text =
          absl::StrCat("life ", life, " line ", line, "\n");
      const bool is_stderr = line % 3 == 0;
      agent.Write(
          "t-1",
          is_stderr ? v1::LogsResponse::STDERR : v1::LogsResponse::STDOUT,
          text);
      written[is_stderr] += text;
    }
    // It dies at whatever byte it has come to by then.
    run.WaitForOutput(absl::StrCat("life ", life, " line 10\n"));
    agent.Die();
    agent.Start();
  }
  agent.End("t-1", 0);

  const auto result = run.Wait();

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, written[0]);
  // Our own line may fall into the middle of one of the task's.
  std::string stderr_of_task = result.err;
  while (absl::StrContains(stderr_of_task, kAway)) {
    stderr_of_task.erase(stderr_of_task.find(kAway), sizeof(kAway) - 1);
  }
  EXPECT_EQ(stderr_of_task, written[1]);
}

TEST_F(RestartTest, RunLearnsOfAnEndThatCameWhileTheAgentWasAway) {
  CtlProcess run(Address(), {"run", "--id", "t-1", "--", "app"});
  WaitUntilAttached(run, "t-1");

  agent.Die();
  run.WaitForError(kAway);
  agent.Write("t-1", v1::LogsResponse::STDOUT, "last words\n");
  agent.End("t-1", 9);
  agent.Start();

  const auto result = run.Wait();
  EXPECT_EQ(result.exit_code, 9);
  EXPECT_EQ(result.out, "up\nlast words\n");
}

TEST_F(RestartTest, RunSaysThatATaskWithoutCheckpointEndedWithItsAgent) {
  CtlProcess run(Address(),
                 {"run", "--nocheckpoint", "--id", "t-1", "--", "app"});
  WaitUntilAttached(run, "t-1");

  agent.Die();
  agent.Start();

  const auto result = run.Wait();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err,
              HasSubstr("holdfastctl: run t-1: no such task (TASK_UNKNOWN)"));
}

TEST_F(RestartTest, RunBelievesNoAgentThatIsStillRecovering) {
  CtlProcess run(Address(),
                 {"run", "--nocheckpoint", "--id", "t-1", "--", "app"});
  WaitUntilAttached(run, "t-1");

  agent.Die();
  run.WaitForError(kAway);
  agent.SetRecovering(true);
  agent.Start();
  CtlProcess other(Address(), {"run", "-d", "--nocheckpoint", "--id", "t-1",
                               "--", "app"});  // it comes to know it again
  agent.WaitForLaunch("t-1");
  agent.SetRecovering(false);
  agent.End("t-1", 5);

  EXPECT_EQ(run.Wait().exit_code, 5);
}

TEST_F(RestartTest, KillOfARunIsSentOnceTheAgentIsBack) {
  CtlProcess run(Address(), {"run", "--id", "t-1", "--", "app"});
  WaitUntilAttached(run, "t-1");
  agent.Die();
  run.WaitForError(kAway);

  run.Signal(SIGTERM);
  run.WaitForError("the kill is sent as soon as the agent answers");
  agent.Start();

  EXPECT_EQ(run.Wait().exit_code, 128 + SIGTERM);
  EXPECT_EQ(agent.WaitForKills(1).size(), 1u);
}

TEST_F(RestartTest, RunCanBeLeftWhileTheAgentIsAway) {
  CtlProcess run(Address(), {"run", "--id", "t-1", "--", "app"});
  WaitUntilAttached(run, "t-1");
  agent.Die();
  run.WaitForError(kAway);

  run.Signal(SIGINT);
  run.WaitForError("the kill is sent");
  run.Signal(SIGTERM);
  run.WaitForError(
      "the kill is sent as soon as the agent answers\n"
      "holdfastctl: the kill is sent as soon");
  run.Signal(SIGINT);

  EXPECT_EQ(run.Wait().exit_code, 130);
}

TEST_F(RestartTest, RunGivesUpAfterItsTimeout) {
  CtlProcess run(Address(),
                 {"run", "--timeout", "300ms", "--id", "t-1", "--", "app"});
  WaitUntilAttached(run, "t-1");

  agent.Die();

  const auto result = run.Wait();
  EXPECT_EQ(result.exit_code, 124);
  EXPECT_THAT(result.err, HasSubstr("run t-1: gave up after 300ms"));
}

TEST_F(RestartTest, WaitOutlastsTheAgent) {
  Launch("t-1");
  CtlProcess wait(Address(), {"wait", "t-1"});
  agent.WaitForWatcher();

  agent.Die();
  wait.WaitForError(kAway);
  agent.End("t-1", 3);
  agent.Start();

  const auto result = wait.Wait();
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "t-1 3\n");
}

TEST_F(RestartTest, FollowedEventsComeOnceEach) {
  Launch("a");
  CtlProcess events(Address(), {"events", "--follow"});
  events.WaitForOutput("TASK_RUNNING");

  agent.Die();
  events.WaitForError(kAway);
  agent.End("a", 0);  // acknowledged by the agent itself before we are back
  agent.Start();
  events.WaitForOutput("TASK_FINISHED");
  Launch("b");
  events.WaitForOutput(" b ");
  events.Signal(SIGTERM);

  const auto result = events.Wait();
  const std::vector<std::string> lines = absl::StrSplit(result.out, '\n');
  ASSERT_EQ(lines.size(), 5u) << result.out;  // a header, three, an end
  EXPECT_THAT(lines[1], HasSubstr("TASK_RUNNING    a "));
  EXPECT_THAT(lines[2], HasSubstr("TASK_FINISHED   a "));
  EXPECT_THAT(lines[3], HasSubstr("TASK_RUNNING    b "));
}

}  // namespace
}  // namespace holdfast::ctl
