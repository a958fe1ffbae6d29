#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "api/time_convert.h"
#include "tests/shim/service/supervisor_fixture.h"

// From the intent to the terminal update.

namespace holdfast::shim {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

using LaunchTest = SupervisorTest;
INSTANTIATE_TEST_SUITE_P(Modes, LaunchTest, kAllModes, ModeName);

TEST_P(LaunchTest, TellsThatTheCommandRunsAndHowItEnded) {
  ASSERT_TRUE(Start(Command("echo out; echo err >&2; exit 7")).ok());

  ASSERT_TRUE(RunUntilOver());

  ASSERT_EQ(facts().tasks[0].updates.size(), 2u);
  const v1::TaskStatus& running = facts().tasks[0].updates[0].status();
  EXPECT_EQ(running.state(), v1::TASK_RUNNING);
  EXPECT_TRUE(running.has_start_time());
  EXPECT_EQ(LastStatus().state(), v1::TASK_FAILED);
  EXPECT_EQ(LastStatus().exit_code(), 7);
  EXPECT_FALSE(LastStatus().has_signal());
  EXPECT_EQ(LastStatus().message(), "Command exited with status 7");
  EXPECT_LE(FromProto(LastStatus().start_time()),
            FromProto(LastStatus().end_time()));
  EXPECT_EQ(facts().exited->exit_code(), 7);
  EXPECT_EQ(Output("stdout"), "out\n");
  EXPECT_EQ(Output("stderr"), "err\n");
  EXPECT_EQ(over_, 1);
  EXPECT_EQ(supervisor_->phase(), Phase::kOver);
}

TEST_P(LaunchTest, FinishesWithZeroAndRemovesItsGroup) {
  ASSERT_TRUE(Start(Command("exit 0")).ok());

  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().state(), v1::TASK_FINISHED);
  EXPECT_THAT(TrackedGroup(), IsEmpty());
}

TEST_P(LaunchTest, TellsTheSignalThatEndedTheCommand) {
  ASSERT_TRUE(Start(Command("kill -SEGV $$")).ok());

  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().signal(), SIGSEGV);
  EXPECT_FALSE(LastStatus().has_exit_code());
  EXPECT_FALSE(LastStatus().oom_killed());
}

TEST_P(LaunchTest, RecordsWhatIdentifiesTheProcess) {
  ASSERT_TRUE(Start(Command("exec sleep 1000")).ok());

  const v1::Started& started = *facts().started;
  EXPECT_EQ(started.pid(), supervisor_->pid());
  EXPECT_EQ(started.start_ticks(), *ReadStartTicks(started.pid()));
  EXPECT_EQ(started.boot_id(), facts().intent.boot_id());
  EXPECT_EQ(started.shim_pid(), getpid());
  EXPECT_EQ(started.cgroup_id() != 0, GetParam() != CgroupsMode::kV1);
  EXPECT_EQ(supervisor_->phase(), Phase::kRunning);
}

TEST_P(LaunchTest, TellsNobodyWhatIsNotOnTheDisk) {
  std::vector<std::string> ahead_of_the_disk;
  ASSERT_TRUE(Start(Command("exit 0")).ok());
  Supervisor::Listeners listeners;
  listeners.on_record = [&](const v1::JournalRecord& record) {
    const auto on_disk = ExecutorJournal::Peek(*files_, JournalPath());
    const std::string& uuid = record.update().uuid();
    if (record.has_update() && on_disk->FindUpdate(uuid) == nullptr) {
      ahead_of_the_disk.push_back(uuid);
    }
    records_.push_back(record);
  };
  listeners.on_over = [this] { ++over_; };
  supervisor_->Listen(listeners);

  ASSERT_TRUE(RunUntilOver());

  EXPECT_GE(CountRecords(v1::JournalRecord::kUpdate), 1);
  EXPECT_THAT(ahead_of_the_disk, IsEmpty());
}

TEST_P(LaunchTest, KillsWhatTheCommandLeftBehindBeforeItTellsTheEnd) {
  ASSERT_TRUE(Start(Command("(trap '' TERM; sleep 1000) & exit 0")).ok());

  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().state(), v1::TASK_FINISHED);
  EXPECT_THAT(TrackedGroup(), IsEmpty()) << "nobody could be in it";
}

TEST_P(LaunchTest, TellsTheStepThatFailed) {
  v1::Intent intent = Command("");
  intent.mutable_launch()->set_working_directory("/no/such/place");

  ASSERT_TRUE(Start(intent).ok()) << "the journal says so, which is enough";
  EXPECT_EQ(over_, 0) << "told from the loop";
  ASSERT_TRUE(RunUntilOver());

  EXPECT_FALSE(facts().started.has_value());
  EXPECT_EQ(LastStatus().state(), v1::TASK_FAILED);
  EXPECT_EQ(LastStatus().reason(), v1::REASON_CONTAINER_LAUNCH_FAILED);
  EXPECT_EQ(LastStatus().message(),
            "chdir /no/such/place: No such file or directory");
  EXPECT_EQ(facts().exited->message(), LastStatus().message());
}

TEST_P(LaunchTest, DoesNotStartPastAnObstacle) {
  ASSERT_TRUE(
      Start(Command("echo it ran"), absl::InternalError("no group")).ok());

  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().reason(), v1::REASON_CONTAINER_LAUNCH_FAILED);
  EXPECT_EQ(LastStatus().message(), "no group");
  EXPECT_EQ(Output(), "");
}

TEST_P(LaunchTest, TakesNoFurtherTaskForACommand) {
  ASSERT_TRUE(Start(Command("exec sleep 1000")).ok());
  v1::TaskInfo task;
  task.set_task_id("t-8");

  const absl::Status refused = supervisor_->LaunchTask(task);

  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("runs one command"));
  EXPECT_TRUE(supervisor_->LaunchTask(facts().intent.task()).ok())
      << "its own, once more";
  EXPECT_EQ(tasks_, 0);
}

TEST_P(LaunchTest, RecordsFurtherTasksOfACustomExecutor) {
  ASSERT_TRUE(Start(CustomExecutor("exec sleep 1000")).ok());
  v1::TaskInfo task;
  task.set_task_id("t-8");

  ASSERT_TRUE(supervisor_->LaunchTask(task).ok());
  ASSERT_TRUE(supervisor_->LaunchTask(task).ok()) << "known already";

  EXPECT_EQ(CountRecords(v1::JournalRecord::kTaskIntent), 1);
  EXPECT_EQ(tasks_, 1);
  EXPECT_EQ(facts().FindTask("t-8")->state(), v1::TASK_STAGING);
  EXPECT_EQ(facts().FindTask("t-7")->state(), v1::TASK_STAGING)
      << "its executor says when it runs";
}

v1::StatusUpdate Said(const std::string& uuid, v1::TaskState state,
                      const std::string& task_id = "t-7") {
  v1::StatusUpdate update;
  update.set_uuid(uuid);
  update.mutable_status()->set_task_id(task_id);
  update.mutable_status()->set_state(state);
  return update;
}

TEST_P(LaunchTest, StoresWhatACustomExecutorSaysOnce) {
  ASSERT_TRUE(Start(CustomExecutor("exec sleep 1000")).ok());

  ASSERT_TRUE(supervisor_->AddUpdate(Said("u-1", v1::TASK_RUNNING)).ok());
  ASSERT_TRUE(supervisor_->AddUpdate(Said("u-1", v1::TASK_RUNNING)).ok());
  ASSERT_TRUE(supervisor_->AddUpdate(Said("u-2", v1::TASK_FINISHED)).ok());

  EXPECT_EQ(facts().tasks[0].updates.size(), 2u);
  EXPECT_EQ(facts().tasks[0].updates[0].container_id(), "c-7");
  EXPECT_TRUE(absl::IsFailedPrecondition(
      supervisor_->AddUpdate(Said("u-3", v1::TASK_FAILED))));
  EXPECT_TRUE(absl::IsNotFound(
      supervisor_->AddUpdate(Said("u-4", v1::TASK_RUNNING, "t-8"))));
}

TEST_P(LaunchTest, EndsTheTasksThatAnExecutorLeft) {
  ASSERT_TRUE(
      Start(CustomExecutor("until [ -e go ]; do sleep 0.02; done; exit 3"))
          .ok());
  v1::TaskInfo task;
  task.set_task_id("t-8");
  ASSERT_TRUE(supervisor_->LaunchTask(task).ok());
  ASSERT_TRUE(supervisor_->AddUpdate(Said("u-1", v1::TASK_FINISHED)).ok());

  LetGo();
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus("t-7").state(), v1::TASK_FINISHED);
  EXPECT_EQ(LastStatus("t-8").state(), v1::TASK_FAILED);
  EXPECT_EQ(LastStatus("t-8").reason(), v1::REASON_EXECUTOR_TERMINATED);
  EXPECT_FALSE(LastStatus("t-8").has_exit_code()) << "that is the executor's";
  EXPECT_TRUE(absl::IsFailedPrecondition(supervisor_->LaunchTask([] {
    v1::TaskInfo late;
    late.set_task_id("t-9");
    return late;
  }())));
}

}  // namespace
}  // namespace holdfast::shim
