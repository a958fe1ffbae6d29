#include "plugin/service/task_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "api/time_convert.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/plugin/service/no_cgroups.h"
#include "tests/shim/bundle/records.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;

constexpr char kContainer[] = "c-7";

class TaskRowTest : public testing::Test {
 protected:
  TaskRowTest() {
    for (const std::string& path :
         {layout_.work_dir, layout_.runtime_dir, layout_.Executors(true),
          layout_.Shims(), layout_.Executor(kContainer, true)}) {
      EXPECT_EQ(mkdir(path.c_str(), 0700), 0) << path;
    }
  }

  // An executor of whose journal these are the records after its intent.
  const Executor& Recover(const v1::Intent& intent,
                          const std::vector<v1::JournalRecord>& records) {
    absl::StatusOr<ExecutorJournal> journal = ExecutorJournal::Create(
        SystemFiles(), layout_.Journal(kContainer, true), intent);
    EXPECT_TRUE(journal.ok()) << journal.status();
    for (const v1::JournalRecord& record : records) {
      EXPECT_TRUE(journal->Record(record).ok());
    }
    executor_ = std::make_shared<Executor>(environment_, kContainer, true);
    const ExecutorFacts facts = journal->facts();
    journal = absl::UnknownError("its lock is free");
    executor_->Recover(facts);
    return *executor_;
  }
  bool RunUntilEnded() {
    for (int i = 0; i < 500 && executor_->state() != ExecutorState::kEnded;
         ++i) {
      loop_->RunOnce(absl::Milliseconds(20));
    }
    return executor_->state() == ExecutorState::kEnded;
  }
  v1::Task Row(const std::string& task_id = "t-7") const {
    return MakeTaskRow(*executor_, *executor_->facts().FindTask(task_id),
                       layout_);
  }

  const TemporaryDirectory directory_;
  const Layout layout_ = {directory_ / "work", directory_ / "run"};
  std::unique_ptr<EventLoop> loop_ = std::move(EventLoop::Create()).value();
  NoCgroups cgroups_;
  ContainerLauncher launcher_{SystemFiles(), layout_, cgroups_, "/no/shim"};
  std::shared_ptr<Executor> executor_;
  WorkerPool workers_{1};
  Executor::Environment environment_ = {
      .loop = *loop_,
      .workers = workers_,
      .files = SystemFiles(),
      .layout = layout_,
      .launcher = launcher_,
      .agent_id = "a-1",
      .agent_incarnation = "life-1",
      .boot_id = "boot-1",
      .on_record = [](Executor&, const v1::JournalRecord&) {},
      .on_facts = [](Executor&) {},
      .on_condensed = [](Executor&) {},
      .on_state = [](Executor&) {},
      .on_damage = [](Executor&) { return false; },
  };
};

v1::Intent AnIntentWithAll() {
  v1::Intent intent = AnIntent();
  intent.set_checkpoint(true);
  *intent.mutable_recovery_timeout() = ToProto(absl::Minutes(15));
  v1::TaskInfo& task = *intent.mutable_task();
  task.set_name("seven");
  task.mutable_command()->set_value("run");
  task.mutable_command()->add_arguments("a b");
  task.mutable_resources()->set_pids(9);
  return intent;
}

v1::JournalRecord LimitsRecord(uint64_t pids) {
  v1::JournalRecord record;
  record.mutable_limits()->mutable_resources()->set_pids(pids);
  return record;
}

v1::JournalRecord Started(absl::Time time) {
  v1::JournalRecord record = StartedRecord(4242);
  record.mutable_started()->set_boot_id("boot-1");
  *record.mutable_started()->mutable_time() = ToProto(time);
  return record;
}

TEST_F(TaskRowTest, TellsTheLimitsThatAreInForce) {
  Recover(AnIntentWithAll(), {Started(absl::UnixEpoch()), LimitsRecord(10)});

  EXPECT_EQ(Row().resources().pids(), 10u);
}

TEST_F(TaskRowTest, TellsTheLaunchsLimitsWhereOnlyTheFenceWasChanged) {
  v1::JournalRecord fence_only;
  fence_only.mutable_limits()->set_fence_paused(true);

  Recover(AnIntentWithAll(), {Started(absl::UnixEpoch()), fence_only});

  EXPECT_EQ(Row().resources().pids(), 9u);
}

TEST_F(TaskRowTest, TellsWhatRuns) {
  const absl::Time start = absl::FromUnixSeconds(1'800'000'000);
  Recover(AnIntentWithAll(), {Started(start), UpdateRecord(1, "u-1")});

  const v1::Task row = Row();

  EXPECT_EQ(row.task_id(), "t-7");
  EXPECT_EQ(row.framework_id(), "f-1");
  EXPECT_EQ(row.executor_id(), "e-7");
  EXPECT_EQ(row.container_id(), "c-7");
  EXPECT_EQ(row.state(), v1::TASK_RUNNING);
  EXPECT_EQ(row.pid(), 4242);
  EXPECT_EQ(FromProto(row.start_time()), start);
  EXPECT_FALSE(row.has_end_time());
  EXPECT_FALSE(row.has_exit_code() || row.has_signal());
  EXPECT_EQ(row.unacknowledged_updates(), 1u);
  EXPECT_EQ(row.name(), "seven");
  EXPECT_THAT(row.command(), ElementsAre("run", "a b"));
  EXPECT_EQ(row.resources().pids(), 9u);
  EXPECT_EQ(row.sandbox(), layout_.Executor("c-7", true));
  EXPECT_TRUE(row.checkpoint());
  EXPECT_EQ(FromProto(row.recovery_timeout()), absl::Minutes(15));
}

TEST_F(TaskRowTest, SaysWhyAnExecutorIsNotAttached) {
  Recover(AnIntentWithAll(), {Started(absl::UnixEpoch())});

  EXPECT_FALSE(Row().attached());
  EXPECT_EQ(Row().condition(), "looking for its shim");
  EXPECT_EQ(Row().state(), v1::TASK_STAGING);
}

TEST_F(TaskRowTest, TellsHowOneEnded) {
  v1::JournalRecord last = UpdateRecord(2, "u-2", v1::TASK_FAILED);
  v1::TaskStatus& status = *last.mutable_update()->mutable_status();
  status.set_reason(v1::REASON_CONTAINER_LIMITATION_MEMORY);
  status.set_message("Memory limit exceeded");
  status.set_signal(9);
  status.set_oom_killed(true);
  *status.mutable_end_time() = ToProto(absl::FromUnixSeconds(7));
  Recover(AnIntentWithAll(),
          {Started(absl::UnixEpoch()), UpdateRecord(1, "u-1"), ExitedRecord(0),
           last, AcknowledgedRecord("u-1")});
  ASSERT_TRUE(RunUntilEnded());

  const v1::Task row = Row();

  EXPECT_EQ(row.state(), v1::TASK_FAILED);
  EXPECT_EQ(row.reason(), v1::REASON_CONTAINER_LIMITATION_MEMORY);
  EXPECT_EQ(row.message(), "Memory limit exceeded");
  EXPECT_EQ(row.signal(), 9);
  EXPECT_TRUE(row.oom_killed());
  EXPECT_EQ(FromProto(row.end_time()), absl::FromUnixSeconds(7));
  EXPECT_EQ(row.unacknowledged_updates(), 1u);
  EXPECT_EQ(row.pid(), 0) << "nobody has that number now";
  EXPECT_EQ(row.shim_pid(), 0);
  EXPECT_EQ(row.condition(), "");
}

TEST_F(TaskRowTest, TakesTheUpdatesTimeWhereTheEndHasNone) {
  v1::JournalRecord last = UpdateRecord(1, "u-1", v1::TASK_FAILED);
  *last.mutable_update()->mutable_status()->mutable_timestamp() =
      ToProto(absl::FromUnixSeconds(8));
  Recover(AnIntentWithAll(), {last});

  EXPECT_EQ(FromProto(Row().end_time()), absl::FromUnixSeconds(8));
}

TEST_F(TaskRowTest, TellsTheRecoveryTimeoutThatHolds) {
  v1::JournalRecord limits;
  *limits.mutable_limits()->mutable_recovery_timeout() =
      ToProto(absl::Seconds(30));
  Recover(AnIntentWithAll(), {Started(absl::UnixEpoch()), limits});

  EXPECT_EQ(FromProto(Row().recovery_timeout()), absl::Seconds(30));
}

TEST_F(TaskRowTest, TellsOfACustomExecutorsTasksWhatIsTheExecutors) {
  v1::Intent intent = AnIntent();
  v1::ExecutorInfo& info = *intent.mutable_task()->mutable_executor();
  info.mutable_command()->set_value("/bin/executor");
  info.mutable_resources()->set_pids(5);
  Recover(intent, {Started(absl::UnixEpoch()), TaskIntentRecord("t-8"),
                   UpdateRecord(1, "u-1", v1::TASK_FINISHED, "t-7")});

  EXPECT_THAT(Row("t-7").command(), ElementsAre("/bin/executor"));
  EXPECT_EQ(Row("t-7").resources().pids(), 5u);
  EXPECT_EQ(Row("t-7").pid(), 0) << "the executor lives, this task does not";
  EXPECT_EQ(Row("t-8").pid(), 4242);
  EXPECT_EQ(Row("t-8").state(), v1::TASK_STAGING);
}

}  // namespace
}  // namespace holdfast
