// The tasks of containerds, beside an agent's and without one, by the real
// binary.
#include "gmock/gmock.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "tests/plugin/ctl/containerd_journals.h"
#include "tests/plugin/ctl/ctl_fixture.h"

namespace holdfast::ctl {
namespace {

using ::google::protobuf::util::JsonStringToMessage;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kContainerd[] = "containerd:/run/containerd/containerd.sock";
const ContainerdJournals::Name kWeb = {.id = "web"};
const ContainerdJournals::Name kPod = {.id = "web", .name_space = "k8s.io"};

class AllAgentsTest : public CtlTest {
 protected:
  // With the work_dir of the journals.
  CtlProcess::Result Look(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--work_dir", journals.work_dir()});
    return Ctl(std::move(arguments));
  }

  ContainerdJournals journals;
};

TEST_F(AllAgentsTest, PsListsTheAgentsTasksAndThoseOfContainerds) {
  Launch("t-1");
  journals.Run(kWeb);
  journals.Run(kPod);

  const auto result = Look({"ps", "--all-agents"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, StartsWith("TASK ID  FRAMEWORK    AGENT  "));
  EXPECT_THAT(result.out,
              ContainsRegex("\nt-1 +holdfastctl +agent-1 +TASK_RUNNING +4711 "
                            "+4710 +- +[0-9]+s +sleep 100 +-\n"));
  EXPECT_THAT(result.out, ContainsRegex(absl::StrCat(
                              "\nweb +default +", kContainerd,
                              " +TASK_RUNNING +", getpid(), " +", getpid())));
  EXPECT_THAT(result.out, ContainsRegex("\nweb +k8s.io +containerd:"));
}

TEST_F(AllAgentsTest, PsWithoutThemIsAsItWas) {
  Launch("t-1");
  journals.Run(kWeb);

  const auto result = Look({"ps"});

  EXPECT_THAT(result.out, StartsWith("TASK ID  FRAMEWORK    STATE "));
  EXPECT_THAT(result.out, Not(HasSubstr("web")));
}

TEST_F(AllAgentsTest, PsShowsWhatEndedOnlyWhenAsked) {
  journals.Run(kWeb);
  journals.End(kWeb, 7);
  journals.Run({"db"});

  EXPECT_EQ(Look({"ps", "--all-agents", "-q"}).out, "db\n");
  EXPECT_EQ(Look({"ps", "--all-agents", "-aq"}).out, "web\ndb\n");
  EXPECT_THAT(Look({"ps", "--all-agents", "-a"}).out,
              ContainsRegex("\nweb .*TASK_FAILED +- +[0-9]+ +7 "));
}

TEST_F(AllAgentsTest, PsFindsTheShimOfATaskThatIsBeingCreated) {
  journals.Begin(kWeb);

  EXPECT_THAT(Look({"ps", "--all-agents"}).out,
              ContainsRegex(absl::StrCat("\nweb .*TASK_STAGING +- +", getpid(),
                                         " .*it has no process yet\n")));
}

TEST_F(AllAgentsTest, PsGoesOnWithoutTheAgent) {
  journals.Run(kWeb);
  agent.ShutDown();

  const auto result = Look({"ps", "--all-agents", "-q"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "web\n");
  EXPECT_THAT(result.err,
              AllOf(StartsWith("holdfastctl: cannot reach the agent at unix:"),
                    HasSubstr("; its tasks are not shown\n")));
}

TEST_F(AllAgentsTest, PsAsJsonHasTheSameFieldsInEveryRow) {
  Launch("t-1");
  journals.Run(kWeb);

  google::protobuf::Value rows;
  ASSERT_TRUE(
      JsonStringToMessage(Look({"ps", "--all-agents", "-ojson"}).out, &rows)
          .ok());

  ASSERT_EQ(rows.list_value().values_size(), 2);
  const auto& ours = rows.list_value().values(0).struct_value().fields();
  const auto& theirs = rows.list_value().values(1).struct_value().fields();
  for (const char* name :
       {"task_id",      "framework_id", "executor_id",
        "container_id", "state",        "pid",
        "shim_pid",     "attached",     "exit_code",
        "signal",       "oom_killed",   "reason",
        "message",      "start_time",   "unacknowledged_updates",
        "name",         "command",      "sandbox",
        "checkpoint",   "condition",    "agent"}) {
    EXPECT_TRUE(ours.contains(name)) << name;
    EXPECT_TRUE(theirs.contains(name)) << name;
  }
  EXPECT_EQ(ours.at("agent").string_value(), "agent-1");
  EXPECT_EQ(theirs.at("agent").string_value(), kContainerd);
  EXPECT_EQ(theirs.at("state").string_value(), "TASK_RUNNING");
  EXPECT_EQ(theirs.at("shim_pid").number_value(), getpid());
}

TEST_F(AllAgentsTest, PsCanBeNarrowedToANamespace) {
  Launch("t-1");
  journals.Run(kWeb);
  journals.Run({"pod", "k8s.io"});

  EXPECT_EQ(Look({"ps", "--all-agents", "-q", "--framework", "k8s.io"}).out,
            "pod\n");
}

TEST_F(AllAgentsTest, PsShowsADamagedJournalInOneRow) {
  journals.Run(kWeb);
  journals.Run({"bad"});
  journals.Damage({"bad"});

  const auto result = Look({"ps", "--all-agents"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, ContainsRegex("\nweb .*TASK_RUNNING"));
  EXPECT_THAT(result.out, ContainsRegex("\nbad +default .*TASK_UNKNOWN.*read "
                                        "journal .*/default/bad/journal"));
}

TEST_F(AllAgentsTest, PsSaysWhereItCannotLook) {
  Launch("t-1");

  const auto result =
      Ctl({"ps", "--all-agents", "-q", "--work_dir", "/nonexistent"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "t-1\n");
  EXPECT_EQ(result.err,
            "holdfastctl: ps: containerd's tasks: --work_dir /nonexistent: No "
            "such file or directory\n");
}

TEST_F(AllAgentsTest, WhatTheAgentDoesNotKnowIsFoundByItsIdAlone) {
  journals.Run(kWeb);

  const auto inspect = Look({"inspect", "web"});
  const auto timeline = Look({"timeline", "web"});

  EXPECT_EQ(inspect.exit_code, 0) << inspect.err;
  EXPECT_THAT(inspect.out,
              ContainsRegex(absl::StrCat("agent: +", kContainerd)));
  EXPECT_THAT(inspect.out, ContainsRegex("stdout: +/run/fifos/web-stdout\n"));
  EXPECT_EQ(timeline.exit_code, 0) << timeline.err;
  EXPECT_THAT(timeline.out, ContainsRegex("Z +STARTED .*pid "));
}

TEST_F(AllAgentsTest, WhatIsFoundNeedsNoAgent) {
  journals.Run(kWeb);
  agent.ShutDown();

  const auto timeline = Look({"timeline", "web"});

  EXPECT_EQ(timeline.exit_code, 0) << timeline.err;
  EXPECT_EQ(timeline.err, "");
  EXPECT_THAT(timeline.out, HasSubstr("TASK_RUNNING"));
}

TEST_F(AllAgentsTest, WhatNobodyHasIsTheAgentsError) {
  journals.Run(kWeb);

  const auto unknown = Look({"inspect", "nosuch"});
  agent.ShutDown();
  const auto unreachable = Look({"inspect", "nosuch"});

  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_EQ(unknown.err,
            "holdfastctl: inspect nosuch: no such task (TASK_UNKNOWN)\n");
  EXPECT_EQ(unreachable.exit_code, 69);
}

TEST_F(AllAgentsTest, AnIdIsTheAgentsUnlessAllAgentsAreMeant) {
  Launch("web");
  journals.Run(kWeb);

  const auto plain = Look({"timeline", "web"});
  const auto all = Look({"timeline", "--all-agents", "web"});

  EXPECT_THAT(plain.out, HasSubstr("by the agent"));
  EXPECT_EQ(all.exit_code, 1);
  EXPECT_EQ(all.err,
            absl::StrCat("holdfastctl: timeline web: several agents have one; "
                         "name it as [AGENT/]NAMESPACE/ID: the agent's "
                         "(without --all-agents), ",
                         kContainerd, "/default/web\n"));
}

// It may have such a task, or not.
TEST_F(AllAgentsTest, AnAgentThatCannotSayIsNoAgentThatHasIt) {
  journals.Run(kWeb);
  agent.AnswerGetTaskWith(
      {grpc::StatusCode::INTERNAL, "the disk does not answer"});

  const auto all = Look({"inspect", "--all-agents", "web"});

  EXPECT_EQ(all.exit_code, 1);
  EXPECT_EQ(all.err,
            "holdfastctl: inspect web: the disk does not answer "
            "(INTERNAL)\n");
}

TEST_F(AllAgentsTest, AllAgentsMayBeGivenWhereNothingIsAmbiguous) {
  Launch("t-1");
  journals.Run(kWeb);

  EXPECT_THAT(Look({"timeline", "--all-agents", "t-1"}).out,
              HasSubstr("by the agent"));
  EXPECT_THAT(Look({"timeline", "--all-agents", "web"}).out,
              HasSubstr("TASK_RUNNING"));
}

TEST_F(AllAgentsTest, AnAmbiguousIdIsRefusedWithAllThatItMayMean) {
  const ContainerdJournals::Name other = {"web", "default", "/run/b.sock"};
  journals.Run(kWeb);
  journals.Run(kPod);
  journals.Run(other);

  const auto refused = Look({"inspect", "web"});

  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.err,
              HasSubstr(absl::StrCat("containerd:/run/b.sock/default/web, ",
                                     kContainerd, "/default/web, ", kContainerd,
                                     "/k8s.io/web\n")));
  for (const std::vector<std::string>& picked :
       std::vector<std::vector<std::string>>{
           {"inspect", "k8s.io/web"},
           {"inspect", "--namespace", "k8s.io", "web"},
           {"inspect", "--all-agents", "--namespace=k8s.io", "k8s.io/web"}}) {
    EXPECT_THAT(Look(picked).out, ContainsRegex("framework: +k8s.io\n"));
  }
  EXPECT_EQ(Look({"inspect", "default/web"}).exit_code, 1);
  EXPECT_THAT(Look({"inspect", "containerd:/run/b.sock/default/web"}).out,
              ContainsRegex("agent: +containerd:/run/b.sock\n"));
}

TEST_F(AllAgentsTest, ANamespaceMeansNoTaskOfTheAgents) {
  Launch("t-1");

  const auto result = Look({"inspect", "--namespace", "default", "t-1"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err,
            "holdfastctl: inspect t-1: no containerd has such a task in "
            "default\n");
}

TEST_F(AllAgentsTest, InspectAsJsonTellsWhatContainerdSaid) {
  journals.Run(kWeb);

  v1::GetTaskResponse response;
  const std::string json = Look({"inspect", "-o", "json", "web"}).out;

  ASSERT_TRUE(JsonStringToMessage(json, &response).ok()) << json;
  EXPECT_EQ(response.task().agent(), kContainerd);
  EXPECT_EQ(response.updates_size(), 1);
  EXPECT_EQ(response.containerd().bundle(), journals.Bundle(kWeb));
}

TEST_F(AllAgentsTest, ADamagedJournalIsAnErrorOfWhoAsksForIt) {
  journals.Run(kWeb);
  journals.Damage(kWeb);

  for (const char* command : {"inspect", "timeline", "logs"}) {
    const auto result = Look({command, "web"});

    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, StartsWith(absl::StrCat("holdfastctl: ", command,
                                                    " web: read journal ")));
  }
}

TEST_F(AllAgentsTest, LogsAreWhatNobodyHasReadAndWhereTheRestIs) {
  journals.Run(kPod);
  journals.Spool(kPod, "stdout", "not yet read\n");
  journals.Spool(kPod, "stderr", "nor this\n");

  const auto both = Look({"logs", "web"});
  const auto only = Look({"logs", "--stdout", "web"});

  EXPECT_EQ(both.exit_code, 0);
  EXPECT_EQ(both.out, "not yet read\n");
  EXPECT_EQ(both.err,
            "nor this\nholdfastctl: logs k8s.io/web: its output goes to "
            "containerd's client (crictl logs web); 22 bytes wait here to be "
            "read by it, behind those in its FIFO (64 KiB at most)\n");
  EXPECT_EQ(only.out, "not yet read\n");
  EXPECT_THAT(only.err, Not(HasSubstr("nor this")));
}

TEST_F(AllAgentsTest, LogsAreNotFollowed) {
  journals.Run(kWeb);
  journals.Spool(kWeb, "stdout", "not yet read\n");

  const auto result = Look({"logs", "-f", "web"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err,
            "holdfastctl: logs web: what a task of containerd's writes is not "
            "followed here: its output goes to containerd's client (ctr, "
            "nerdctl logs)\n");
}

}  // namespace
}  // namespace holdfast::ctl
