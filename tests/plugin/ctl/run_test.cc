// `holdfastctl run`: what it asks the agent for, and how it ends.
#include <signal.h>

#include "api/time_convert.h"
#include "gmock/gmock.h"
#include "tests/plugin/ctl/ctl_fixture.h"

namespace holdfast::ctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

using RunTest = CtlTest;

TEST_F(RunTest, ShowsTheOutputAndExitsWithTheTasksCode) {
  CtlProcess run(Address(), {"run", "--id", "t-1", "--", "sh", "-c", "…"});
  agent.WaitForLaunch("t-1");
  agent.Write("t-1", v1::LogsResponse::STDOUT, "to stdout\n");
  agent.Write("t-1", v1::LogsResponse::STDERR, "to stderr\n");
  agent.End("t-1", 7);

  const auto result = run.Wait();

  EXPECT_EQ(result.exit_code, 7);
  EXPECT_EQ(result.out, "to stdout\n");
  EXPECT_EQ(result.err, "to stderr\n");
}

TEST_F(RunTest, ExitsWith128AndTheSignal) {
  CtlProcess run(Address(), {"run", "--id=t-1", "sleep", "100"});
  agent.WaitForLaunch("t-1");
  agent.EndBySignal("t-1", SIGKILL);

  EXPECT_EQ(run.Wait().exit_code, 137);
}

TEST_F(RunTest, DetachedPrintsTheIdAndLeavesTheTaskRunning) {
  const auto result = Ctl({"run", "-d", "--id", "t-1", "--", "sleep", "100"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "t-1\n");
  EXPECT_EQ(agent.GetTask("t-1").state(), v1::TASK_RUNNING);
}

TEST_F(RunTest, MakesUpAnIdThatNobodyGave) {
  const auto result = Ctl({"run", "-d", "--", "true"});

  EXPECT_THAT(result.out, MatchesRegex("run-[0-9a-f]{8}\n"));
}

TEST_F(RunTest, AsksForWhatTheOptionsSay) {
  const auto result = Ctl({"run",
                           "-d",
                           "--id",
                           "t-1",
                           "--name=web",
                           "--env",
                           "A=1",
                           "-e",
                           "B=x=y",
                           "--env=EMPTY=",
                           "--env",
                           "NOT_OURS",
                           "--user",
                           "nobody",
                           "--cwd",
                           "/tmp",
                           "--cpus",
                           "0.5",
                           "--memory=64MiB",
                           "--pids",
                           "32",
                           "--recovery_timeout",
                           "15mins",
                           "--grace",
                           "500ms",
                           "--",
                           "sh",
                           "-c",
                           "exit 3",
                           "-d",
                           "--id",
                           "x"});
  ASSERT_EQ(result.exit_code, 0) << result.err;

  const v1::TaskInfo task = agent.WaitForLaunch("t-1").task();
  EXPECT_EQ(task.name(), "web");
  EXPECT_EQ(task.command().value(), "sh");
  EXPECT_FALSE(task.command().shell());
  EXPECT_THAT(task.command().arguments(),
              ElementsAre("-c", "exit 3", "-d", "--id", "x"));
  EXPECT_EQ(task.command().user(), "nobody");
  EXPECT_EQ(task.command().working_directory(), "/tmp");
  EXPECT_EQ(task.resources().cpus(), 0.5);
  EXPECT_EQ(task.resources().memory_bytes(), 64u << 20);
  EXPECT_EQ(task.resources().pids(), 32u);
  EXPECT_EQ(FromProto(task.recovery_timeout()), absl::Minutes(15));
  EXPECT_EQ(FromProto(task.kill_policy().grace_period()),
            absl::Milliseconds(500));
  const auto& variables = task.command().environment().variables();
  ASSERT_EQ(variables.size(), 3);
  EXPECT_EQ(variables[1].name(), "B");
  EXPECT_EQ(variables[1].value(), "x=y");
  EXPECT_EQ(variables[2].value(), "");
}

TEST_F(RunTest, CommandsOptionsAreItsOwnWithoutADoubleDashToo) {
  ASSERT_EQ(Ctl({"run", "-d", "--id", "t-1", "ls", "-l", "--all"}).exit_code,
            0);

  EXPECT_THAT(agent.WaitForLaunch("t-1").task().command().arguments(),
              ElementsAre("-l", "--all"));
}

TEST_F(RunTest, FrameworkSaysWhetherTheTaskOutlivesItsAgent) {
  ASSERT_EQ(Ctl({"run", "-d", "--id", "a", "true"}).exit_code, 0);
  ASSERT_EQ(Ctl({"run", "-d", "--id", "b", "--nocheckpoint", "true"}).exit_code,
            0);

  EXPECT_EQ(agent.GetTask("a").framework_id(), "holdfastctl");
  EXPECT_TRUE(agent.GetTask("a").checkpoint());
  EXPECT_EQ(agent.GetTask("b").framework_id(), "holdfastctl-nocheckpoint");
  EXPECT_FALSE(agent.GetTask("b").checkpoint());
}

TEST_F(RunTest, FailedLaunchesExitAsDockersDo) {
  const auto fail = [this](const std::string& message,
                           const std::string& reason) {
    agent.AnswerLaunchesWith(FakeOrchestrator::Error(
        grpc::StatusCode::FAILED_PRECONDITION, message, reason));
    return Ctl({"run", "--id", "t-1", "--", "nosuch"});
  };

  const auto not_found =
      fail("exec nosuch: No such file or directory", "LAUNCH_FAILED");
  EXPECT_EQ(not_found.exit_code, 127);
  EXPECT_EQ(not_found.err,
            "holdfastctl: run t-1: exec nosuch: No such file or directory "
            "(LAUNCH_FAILED)\n");
  EXPECT_EQ(
      fail("exec /etc/passwd: Permission denied", "LAUNCH_FAILED").exit_code,
      126);
  EXPECT_EQ(
      fail("chdir /no: No such file or directory", "LAUNCH_FAILED").exit_code,
      125);
  EXPECT_EQ(fail("no memory controller", "LIMIT_NOT_ENFORCEABLE").exit_code,
            125);
}

TEST_F(RunTest, LaunchIsAskedForAgainWhileTheAgentRecovers) {
  agent.AnswerLaunchesWith(FakeOrchestrator::Error(
      grpc::StatusCode::UNAVAILABLE, "not attached yet", "RECOVERING"));
  CtlProcess run(Address(), {"run", "-d", "--id", "t-1", "--", "true"});
  agent.WaitForRefusedLaunch();
  agent.AnswerLaunchesWith(grpc::Status::OK);

  const auto result = run.Wait();

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "t-1\n");
}

TEST_F(RunTest, SaysWhyItAsksAgain) {
  agent.AnswerLaunchesWith(FakeOrchestrator::Error(
      grpc::StatusCode::UNAVAILABLE, "no shim to be had", "SHIM_LOST"));
  CtlProcess run(Address(), {"run", "-d", "--id", "t-1", "--", "true"});
  run.WaitForError("holdfastctl: trying again: no shim to be had (SHIM_LOST)");
  agent.AnswerLaunchesWith(grpc::Status::OK);

  EXPECT_EQ(run.Wait().exit_code, 0);
}

TEST_F(RunTest, GivesUpOnALaunchAfterItsTimeout) {
  agent.AnswerLaunchesWith(FakeOrchestrator::Error(
      grpc::StatusCode::UNAVAILABLE, "not attached yet", "RECOVERING"));

  const auto result =
      Ctl({"run", "--timeout", "300ms", "--id", "t-1", "--", "true"});

  EXPECT_EQ(result.exit_code, 124);
  EXPECT_EQ(result.err,
            "holdfastctl: the agent is recovering; waiting for it\n"
            "holdfastctl: run t-1: gave up after 300ms: not attached yet "
            "(RECOVERING)\n");
}

TEST_F(RunTest, InterruptEndsALaunchThatIsNotAnswered) {
  agent.AnswerLaunchesWith(FakeOrchestrator::Error(
      grpc::StatusCode::UNAVAILABLE, "not attached yet", "RECOVERING"));
  CtlProcess run(Address(), {"run", "--id", "t-1", "--", "true"});
  agent.WaitForRefusedLaunch();

  run.Signal(SIGINT);

  const auto result = run.Wait();
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_THAT(result.err, HasSubstr("interrupted before the agent answered"));
}

TEST_F(RunTest, SignalBecomesAKillWithTheTasksGrace) {
  for (const int number : {SIGTERM, SIGINT}) {
    const std::string id = "t-" + std::to_string(number);
    CtlProcess run(Address(), {"run", "--id", id, "--", "sleep", "100"});
    WaitUntilAttached(run, id);

    run.Signal(number);

    EXPECT_EQ(run.Wait().exit_code, 128 + SIGTERM);
    const auto kills = agent.WaitForKills(1);
    EXPECT_EQ(kills.back().task_id(), id);
    EXPECT_EQ(kills.back().framework_id(), "holdfastctl");
    EXPECT_FALSE(kills.back().has_grace_period());
  }
}

TEST_F(RunTest, SecondSignalKillsWithoutGrace) {
  agent.IgnoreSigterm();
  CtlProcess run(Address(), {"run", "--id", "t-1", "--", "sleep", "100"});
  WaitUntilAttached(run, "t-1");

  run.Signal(SIGINT);
  agent.WaitForKills(1);
  run.Signal(SIGINT);

  EXPECT_EQ(run.Wait().exit_code, 137);
  EXPECT_TRUE(agent.WaitForKills(2).back().has_grace_period());
}

TEST_F(RunTest, ReaderThatLeavesEndsTheTask) {
  CtlProcess run(Address(), {"run", "--id", "t-1", "--", "yes"});
  agent.WaitForLaunch("t-1");
  run.CloseOutput();

  agent.Write("t-1", v1::LogsResponse::STDOUT, "y\ny\ny\ny\ny\n");

  EXPECT_EQ(run.Wait().exit_code, 128 + SIGTERM);
  EXPECT_EQ(agent.WaitForKills(1).front().task_id(), "t-1");
}

}  // namespace
}  // namespace holdfast::ctl
