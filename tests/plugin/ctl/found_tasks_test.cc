#include "plugin/ctl/found_tasks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include "plugin/ctl/found_row.h"
#include "tests/plugin/ctl/containerd_journals.h"

namespace holdfast::ctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const ContainerdJournals::Name kWeb = {.id = "web"};

class FoundTasksTest : public testing::Test {
 protected:
  FoundTasks Find() const {
    return FindTasks(SystemFiles(), journals_.work_dir());
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const FoundTask& task : Find().tasks) names.push_back(task.FullName());
    return names;
  }
  // Of the only one.
  v1::Task Row() const {
    const FoundTasks found = Find();
    EXPECT_EQ(found.tasks.size(), 1u);
    return found.tasks.empty() ? v1::Task() : MakeRow(found.tasks.front());
  }

  ContainerdJournals journals_;
};

TEST_F(FoundTasksTest, AreThoseOfEveryContainerdByNamespaceAndStart) {
  journals_.Run({"b", "default", "/run/b.sock"});
  journals_.Run({"second", "k8s.io"});
  journals_.Run({"web", "default"});
  journals_.Run({"first", "k8s.io"});

  EXPECT_THAT(Names(), ElementsAre("containerd:/run/b.sock/default/b",
                                   "containerd:/run/containerd/"
                                   "containerd.sock/default/web",
                                   "containerd:/run/containerd/"
                                   "containerd.sock/k8s.io/second",
                                   "containerd:/run/containerd/"
                                   "containerd.sock/k8s.io/first"));
}

TEST_F(FoundTasksTest, AreNoneWhereNoContainerdWas) {
  const FoundTasks found =
      FindTasks(SystemFiles(), journals_.work_dir() + "/nonexistent");

  EXPECT_THAT(found.tasks, IsEmpty());
  EXPECT_TRUE(found.status.ok()) << found.status;
}

TEST_F(FoundTasksTest, AreDirectoriesOnly) {
  journals_.Run(kWeb);
  journals_.Write(journals_.work_dir() + "/containerd/README", "not a daemon");

  EXPECT_EQ(Names().size(), 1u);
  EXPECT_TRUE(Find().status.ok());
}

TEST_F(FoundTasksTest, TellOfOneThatRuns) {
  journals_.Run(kWeb);

  const v1::Task row = Row();

  EXPECT_EQ(row.task_id(), "web");
  EXPECT_EQ(row.framework_id(), "default");
  EXPECT_EQ(row.executor_id(), "web");
  EXPECT_EQ(row.container_id(), "web");
  EXPECT_EQ(row.agent(), "containerd:/run/containerd/containerd.sock");
  EXPECT_EQ(row.state(), v1::TASK_RUNNING);
  EXPECT_EQ(row.pid(), getpid());
  EXPECT_EQ(row.shim_pid(), getpid());
  EXPECT_EQ(row.condition(), "");
  EXPECT_EQ(row.sandbox(), journals_.Directory(kWeb));
  EXPECT_EQ(row.unacknowledged_updates(), 0u);
  EXPECT_TRUE(row.has_start_time());
  EXPECT_FALSE(row.has_recovery_timeout()) << "its fence never fires";
}

TEST_F(FoundTasksTest, TellTheCommandOfTheBundle) {
  journals_.Run(kWeb);
  ASSERT_EQ(mkdir(journals_.Bundle(kWeb).c_str(), 0700), 0);
  const std::string config = journals_.Bundle(kWeb) + "/config.json";

  journals_.Write(config, R"({"process": {"args": ["sleep", "1 0"]}})");
  EXPECT_THAT(Row().command(), ElementsAre("sleep", "1 0"));

  journals_.Write(config, "{");
  EXPECT_THAT(Row().command(), IsEmpty());
}

TEST_F(FoundTasksTest, TellOfOneThatIsNotYetStarted) {
  journals_.Create(kWeb);

  EXPECT_EQ(Row().state(), v1::TASK_STAGING);
  EXPECT_EQ(Row().pid(), getpid());
  EXPECT_EQ(Row().condition(), "created, not yet started");
}

TEST_F(FoundTasksTest, TellOfOneWhoseShimDiedBeforeItHadAProcess) {
  journals_.Begin(kWeb);
  journals_.KillShim(kWeb);

  EXPECT_EQ(Row().state(), v1::TASK_FAILED);
  EXPECT_EQ(Row().reason(), v1::REASON_SHIM_DIED);
  EXPECT_EQ(Row().condition(), "its shim died before it had a process");
}

TEST_F(FoundTasksTest, TellHowOneEnded) {
  journals_.Run(kWeb);
  journals_.End(kWeb, 7);
  journals_.KillShim(kWeb);

  const v1::Task row = Row();

  EXPECT_EQ(row.state(), v1::TASK_FAILED);
  EXPECT_EQ(row.exit_code(), 7);
  EXPECT_TRUE(row.has_end_time());
  EXPECT_EQ(row.pid(), 0);
  EXPECT_EQ(row.shim_pid(), 0);
  EXPECT_EQ(row.condition(), "");
}

TEST_F(FoundTasksTest, TellOfOneThatGoesOnWithoutItsShim) {
  journals_.Run(kWeb);
  journals_.KillShim(kWeb);

  const v1::Task row = Row();

  EXPECT_EQ(row.state(), v1::TASK_RUNNING);
  EXPECT_EQ(row.pid(), getpid());
  EXPECT_EQ(row.shim_pid(), 0);
  EXPECT_EQ(row.condition(), "its shim has died; its processes go on");
}

TEST_F(FoundTasksTest, TakeNoOtherProcessForTheirs) {
  ++journals_.start_ticks;
  journals_.Run(kWeb);
  EXPECT_EQ(Row().pid(), 0);
  EXPECT_EQ(Row().state(), v1::TASK_RUNNING) << "its shim is yet to tell";

  journals_.KillShim(kWeb);
  const v1::Task row = Row();

  EXPECT_EQ(row.state(), v1::TASK_FAILED);
  EXPECT_EQ(row.reason(), v1::REASON_SHIM_DIED);
  EXPECT_THAT(row.condition(), HasSubstr("nobody knows how"));
}

TEST_F(FoundTasksTest, TellOfAReboot) {
  journals_.boot_id = "another";
  journals_.Run(kWeb);
  journals_.KillShim(kWeb);

  const v1::Task row = Row();

  EXPECT_EQ(row.state(), v1::TASK_FAILED);
  EXPECT_EQ(row.reason(), v1::REASON_AGENT_REBOOTED);
  EXPECT_EQ(row.pid(), 0) << "that number is another's now";
  EXPECT_EQ(row.condition(), "the host was rebooted");
}

TEST_F(FoundTasksTest, KeepADamagedJournalToOneRow) {
  journals_.Run({"bad"});
  journals_.Damage({"bad"});
  journals_.Run(kWeb);

  const FoundTasks found = Find();

  ASSERT_EQ(found.tasks.size(), 2u);
  EXPECT_EQ(MakeRow(found.tasks[0]).state(), v1::TASK_RUNNING);
  const v1::Task row = MakeRow(found.tasks[1]);
  EXPECT_EQ(row.task_id(), "bad");
  EXPECT_EQ(row.framework_id(), "default");
  EXPECT_EQ(row.agent(), "containerd:/run/containerd/containerd.sock")
      << "as the other journal says";
  EXPECT_EQ(row.state(), v1::TASK_UNKNOWN);
  EXPECT_THAT(row.condition(), HasSubstr(found.tasks[1].directory));
  EXPECT_EQ(Describe(found.tasks[1]).status(), found.tasks[1].facts.status());
  EXPECT_FALSE(MakeTimeline(found.tasks[1]).ok());
  EXPECT_TRUE(found.status.ok()) << found.status;
}

TEST_F(FoundTasksTest, NameADaemonOfWhichNothingCanBeReadByItsDirectory) {
  journals_.Run(kWeb);
  journals_.Damage(kWeb);

  EXPECT_EQ(Row().agent(), "containerd:run-containerd-containerd.sock");
}

TEST_F(FoundTasksTest, ShowADirectoryWithoutAJournal) {
  journals_.Run(kWeb);
  journals_.KillShim(kWeb);
  ASSERT_EQ(unlink((journals_.Directory(kWeb) + "/journal").c_str()), 0);

  EXPECT_EQ(Row().state(), v1::TASK_UNKNOWN);
  EXPECT_THAT(Row().condition(), HasSubstr("No such file or directory"));
}

TEST_F(FoundTasksTest, DoNotBelieveAJournalInAnothersDirectory) {
  journals_.Run(kWeb);
  journals_.KillShim(kWeb);
  ASSERT_EQ(rename(journals_.Directory(kWeb).c_str(),
                   journals_.Directory({"copy"}).c_str()),
            0);

  EXPECT_EQ(Row().task_id(), "copy");
  EXPECT_EQ(Row().state(), v1::TASK_UNKNOWN);
  EXPECT_THAT(Row().condition(), HasSubstr("is that of web"));
}

TEST_F(FoundTasksTest, TellWhatHappened) {
  journals_.Run(kWeb);
  journals_.End(kWeb, 7);

  const auto timeline = MakeTimeline(Find().tasks.front());
  const auto described = Describe(Find().tasks.front());

  ASSERT_TRUE(timeline.ok()) << timeline.status();
  std::vector<v1::TimelineEvent::Kind> kinds;
  for (const auto& event : timeline->events()) kinds.push_back(event.kind());
  using Event = v1::TimelineEvent;
  EXPECT_THAT(kinds, ElementsAre(Event::LAUNCH, Event::STARTED, Event::UPDATE,
                                 Event::EXITED, Event::UPDATE));
  ASSERT_TRUE(described.ok()) << described.status();
  EXPECT_EQ(described->updates_size(), 2);
  EXPECT_EQ(described->info().task_id(), "web");
  EXPECT_EQ(described->containerd().bundle(), journals_.Bundle(kWeb));
}

}  // namespace
}  // namespace holdfast::ctl
