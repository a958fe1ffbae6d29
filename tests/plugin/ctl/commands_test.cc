// The commands that ask and tell, by the real binary.
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "tests/plugin/ctl/ctl_fixture.h"

namespace holdfast::ctl {
namespace {

using ::google::protobuf::util::JsonStringToMessage;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using CommandsTest = CtlTest;

google::protobuf::Value Json(const std::string& text) {
  google::protobuf::Value value;
  EXPECT_TRUE(JsonStringToMessage(text, &value).ok()) << text;
  return value;
}

TEST_F(CommandsTest, PsListsWhatRuns) {
  Launch("t-1");
  Launch("t-2");
  agent.End("t-2", 0);

  const auto result = Ctl({"ps"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out,
              StartsWith("TASK ID  FRAMEWORK    STATE          PID  ATTACHED"));
  EXPECT_THAT(result.out,
              ContainsRegex("\nt-1 +holdfastctl +TASK_RUNNING +4711 +yes +- "
                            "+[0-9]+s +sleep 100\n"));
  EXPECT_THAT(result.out, Not(HasSubstr("t-2")));
}

TEST_F(CommandsTest, PsOfAllShowsHowTasksEnded) {
  Launch("t-1");
  Launch("t-2");
  agent.End("t-1", 7);
  agent.EndBySignal("t-2", 9);

  const std::string out = Ctl({"ps", "-a"}).out;

  EXPECT_THAT(out, ContainsRegex("\nt-1 .*TASK_FAILED +- +- +7 "));
  EXPECT_THAT(out, ContainsRegex("\nt-2 .*TASK_KILLED +- +- +SIGKILL "));
}

TEST_F(CommandsTest, PsAsJsonIsOneArrayWithEveryFieldInEveryRow) {
  Launch("t-1");
  Launch("t-2");
  agent.End("t-2", 7);

  const auto rows = Json(Ctl({"ps", "-a", "-o", "json"}).out).list_value();

  ASSERT_EQ(rows.values_size(), 2);
  for (const auto& row : rows.values()) {
    for (const char* name :
         {"task_id", "framework_id", "executor_id", "container_id", "state",
          "pid", "shim_pid", "attached", "exit_code", "signal", "agent"}) {
      EXPECT_TRUE(row.struct_value().fields().contains(name)) << name;
    }
  }
  const auto& running = rows.values(0).struct_value().fields();
  EXPECT_EQ(running.at("pid").number_value(), 4711);
  EXPECT_TRUE(running.at("attached").bool_value());
  EXPECT_TRUE(running.at("exit_code").has_null_value());
  const auto& ended = rows.values(1).struct_value().fields();
  EXPECT_EQ(ended.at("exit_code").number_value(), 7);
  EXPECT_EQ(ended.at("pid").number_value(), 0);
}

TEST_F(CommandsTest, PsOfNothingIsAnEmptyArray) {
  EXPECT_EQ(Ctl({"-o", "json", "ps"}).out, "[]\n");
  EXPECT_EQ(Ctl({"ps", "-ojson", "-a"}).out, "[]\n");
}

TEST_F(CommandsTest, PsCanBeNarrowedAndReducedToIds) {
  Launch("t-1");
  ASSERT_EQ(Ctl({"run", "-d", "--nocheckpoint", "--id", "t-2", "x"}).exit_code,
            0);

  EXPECT_EQ(Ctl({"ps", "-q"}).out, "t-1\nt-2\n");
  EXPECT_EQ(Ctl({"ps", "-q", "--framework", "holdfastctl"}).out, "t-1\n");
}

TEST_F(CommandsTest, InspectShowsATaskAndItsUpdates) {
  Launch("t-1");
  agent.End("t-1", 7);

  const auto table = Ctl({"inspect", "t-1"});
  v1::GetTaskResponse response;
  const auto json = Ctl({"inspect", "-o", "json", "t-1"});

  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, ContainsRegex("container: +container-t-1\n"));
  EXPECT_THAT(table.out, ContainsRegex("Z +TASK_FAILED +7 "));
  ASSERT_TRUE(JsonStringToMessage(json.out, &response).ok()) << json.out;
  EXPECT_EQ(response.task().exit_code(), 7);
  EXPECT_EQ(response.updates_size(), 2);
  EXPECT_EQ(response.info().command().value(), "sleep");
}

TEST_F(CommandsTest, LogsCopyWhatIsThere) {
  Launch("t-1");
  agent.Write("t-1", v1::LogsResponse::STDOUT, "out out out\n");
  agent.Write("t-1", v1::LogsResponse::STDERR, "err\n");

  const auto both = Ctl({"logs", "t-1"});
  const auto only = Ctl({"logs", "--stderr", "t-1"});

  EXPECT_EQ(both.exit_code, 0);
  EXPECT_EQ(both.out, "out out out\n");
  EXPECT_EQ(both.err, "err\n");
  EXPECT_EQ(only.out, "");
  EXPECT_EQ(only.err, "err\n");
}

TEST_F(CommandsTest, LogsSayWhatWasRotatedAway) {
  Launch("t-1");
  agent.Write("t-1", v1::LogsResponse::STDOUT, "0123456789 and the rest\n");
  agent.RotateAway("t-1", 11);

  const auto result = Ctl({"logs", "t-1"});

  EXPECT_EQ(result.out, "and the rest\n");
  EXPECT_EQ(result.err,
            "holdfastctl: 11 bytes of stdout were rotated away before they "
            "were read\n");
}

TEST_F(CommandsTest, FollowedLogsEndWithTheTask) {
  Launch("t-1");
  CtlProcess logs(Address(), {"logs", "-f", "t-1"});
  agent.Write("t-1", v1::LogsResponse::STDOUT, "one\n");
  logs.WaitForOutput("one\n");
  agent.Write("t-1", v1::LogsResponse::STDOUT, "two\n");
  agent.End("t-1", 7);

  const auto result = logs.Wait();

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "one\ntwo\n");
}

TEST_F(CommandsTest, KillNamesTheTasksFrameworkAndItsGrace) {
  Launch("t-1");
  Launch("t-2");

  EXPECT_EQ(Ctl({"kill", "--grace=3secs", "t-1", "t-2"}).exit_code, 0);

  const auto kills = agent.WaitForKills(2);
  EXPECT_EQ(kills[0].task_id(), "t-1");
  EXPECT_EQ(kills[0].framework_id(), "holdfastctl");
  EXPECT_EQ(kills[1].grace_period().seconds(), 3);
}

TEST_F(CommandsTest, KillGoesOnAfterATaskThatNobodyKnows) {
  Launch("t-2");

  const auto result = Ctl({"kill", "t-1", "t-2"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "holdfastctl: kill t-1: no such task (TASK_UNKNOWN)\n");
  EXPECT_EQ(agent.WaitForKills(1)[0].task_id(), "t-2");
}

TEST_F(CommandsTest, KillWaitsForAnAgentThatRecovers) {
  Launch("t-1");
  agent.SetRecovering(true);
  CtlProcess kill(Address(), {"kill", "t-1"});
  kill.WaitForError("the agent is recovering; waiting for it");

  agent.SetRecovering(false);

  EXPECT_EQ(kill.Wait().exit_code, 0);
}

TEST_F(CommandsTest, KillGivesUpOnARecoveryAfterItsTimeout) {
  Launch("t-1");
  agent.SetRecovering(true);

  const auto result = Ctl({"--timeout", "200ms", "kill", "t-1"});

  EXPECT_EQ(result.exit_code, 124);
  EXPECT_THAT(result.err, HasSubstr("kill t-1: gave up after 200ms"));
}

TEST_F(CommandsTest, WaitPrintsEachAndExitsWithTheLastNamed) {
  Launch("t-1");
  Launch("t-2");
  CtlProcess wait(Address(), {"wait", "t-1", "t-2"});
  agent.WaitForWatcher();
  agent.EndBySignal("t-2", 9);
  wait.WaitForOutput("t-2 137\n");
  agent.End("t-1", 4);

  const auto result = wait.Wait();

  EXPECT_EQ(result.out, "t-2 137\nt-1 4\n");
  EXPECT_EQ(result.exit_code, 137);
}

TEST_F(CommandsTest, WaitForWhatHasEndedReturnsAtOnce) {
  Launch("t-1");
  agent.End("t-1", 4);

  EXPECT_EQ(Ctl({"wait", "t-1"}).exit_code, 4);
  const auto unknown = Ctl({"wait", "nosuch"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_EQ(unknown.err,
            "holdfastctl: wait nosuch: no such task (TASK_UNKNOWN)\n");
}

TEST_F(CommandsTest, WaitEndsAfterItsTimeout) {
  Launch("t-1");

  const auto result = Ctl({"wait", "--timeout", "100ms", "t-1"});

  EXPECT_EQ(result.exit_code, 124);
  EXPECT_EQ(result.err, "holdfastctl: wait: t-1 has not ended in time\n");
}

TEST_F(CommandsTest, RmForgetsOnlyWhatHasEnded) {
  Launch("t-1");

  const auto running = Ctl({"rm", "t-1"});
  agent.End("t-1", 0);
  const auto ended = Ctl({"rm", "t-1"});

  EXPECT_EQ(running.exit_code, 1);
  EXPECT_EQ(running.err,
            "holdfastctl: rm t-1: the task has not ended (TASK_NOT_ENDED)\n");
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_EQ(Ctl({"ps", "-aq"}).out, "");
}

TEST_F(CommandsTest, EventsTellWhatWasAcknowledgedToo) {
  Launch("t-1");
  agent.End("t-1", 7);

  const auto result = Ctl({"events"});

  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, ContainsRegex("TASK_RUNNING +t-1"));
  EXPECT_THAT(result.out, ContainsRegex("TASK_FAILED +t-1 +7"));
}

TEST_F(CommandsTest, EventsAsJsonAreLinesWithCursorsToGoOnFrom) {
  Launch("t-1");
  agent.End("t-1", 7);

  const std::string out = Ctl({"events", "-o", "json"}).out;
  const std::vector<std::string> lines = absl::StrSplit(out, '\n');
  ASSERT_EQ(lines.size(), 5u) << out;  // header, two, complete, an end
  v1::WatchUpdatesResponse first;
  ASSERT_TRUE(JsonStringToMessage(lines[1], &first).ok()) << lines[1];
  const auto rest = Ctl({"events", "--from", first.cursor()});

  EXPECT_EQ(first.update().status().state(), v1::TASK_RUNNING);
  EXPECT_THAT(rest.out,
              AllOf(HasSubstr("TASK_FAILED"), Not(HasSubstr("RUNNING"))));
}

TEST_F(CommandsTest, InfoTellsTheAgentsStateAndFlags) {
  agent.SetRecovering(true);

  const std::string table = Ctl({"info"}).out;
  v1::GetAgentResponse response;
  const std::string json = Ctl({"info", "-o", "json"}).out;

  EXPECT_THAT(table, ContainsRegex("agent: +agent-1\n"));
  EXPECT_THAT(table, ContainsRegex("recovery: +RECOVERING 2/5\n"));
  EXPECT_THAT(table,
              ContainsRegex("--recovery_timeout +20mins +MESOS_RECOVERY_T"));
  ASSERT_TRUE(JsonStringToMessage(json, &response).ok()) << json;
  EXPECT_EQ(response.version(), "0.1.0");
  EXPECT_THAT(json, HasSubstr("\"executors_to_recover\": 5"));
}

TEST_F(CommandsTest, RecoveryTellsEachDecision) {
  const std::string table = Ctl({"recovery"}).out;
  v1::GetRecoveryResponse response;
  const std::string json = Ctl({"recovery", "-o", "json"}).out;

  EXPECT_THAT(table, ContainsRegex("container-1 +web-1 +REATTACHED +SHIM_ANSW"
                                   "ERED +- +journal: started"));
  ASSERT_TRUE(JsonStringToMessage(json, &response).ok()) << json;
  EXPECT_EQ(response.executors_size(), 1);
}

}  // namespace
}  // namespace holdfast::ctl
