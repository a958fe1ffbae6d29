#include "plugin/recovery/reboot.h"

#include <gtest/gtest.h>

#include "api/time_convert.h"
#include "tests/fakes/fake_disk.h"
#include "tests/shim/bundle/records.h"

namespace holdfast {
namespace {

constexpr absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

class RebootTest : public testing::Test {
 protected:
  ExecutorJournal Journal(const std::vector<v1::JournalRecord>& records) {
    absl::StatusOr<ExecutorJournal> journal =
        ExecutorJournal::Create(disk_, "/journal", AnIntent());
    EXPECT_TRUE(journal.ok()) << journal.status();
    for (const v1::JournalRecord& record : records) {
      EXPECT_TRUE(journal->Record(record).ok());
    }
    return *std::move(journal);
  }

  FakeDisk disk_;
};

TEST_F(RebootTest, EndsARunningTaskWithItsLastKnownFacts) {
  v1::JournalRecord started = StartedRecord(7);
  *started.mutable_started()->mutable_time() = ToProto(absl::UnixEpoch());
  ExecutorJournal journal = Journal({started, UpdateRecord(1, "u-1")});

  ASSERT_TRUE(journal.Record(RebootRecords(journal, kNow)).ok());

  const ExecutorFacts& facts = journal.facts();
  ASSERT_TRUE(facts.exited.has_value());
  EXPECT_EQ(facts.exited->message(), "the host was rebooted");
  EXPECT_FALSE(facts.exited->has_exit_code() || facts.exited->has_signal());
  const v1::StatusUpdate& update = facts.tasks[0].updates.back();
  EXPECT_EQ(update.status().state(), v1::TASK_FAILED);
  EXPECT_EQ(update.status().reason(), v1::REASON_AGENT_REBOOTED);
  EXPECT_EQ(update.status().source(), v1::SOURCE_AGENT);
  EXPECT_EQ(update.status().message(),
            "The host was rebooted; the task was last known as TASK_RUNNING");
  EXPECT_EQ(FromProto(update.status().start_time()), absl::UnixEpoch());
  EXPECT_EQ(FromProto(update.status().timestamp()), kNow);
  EXPECT_EQ(update.agent_id(), "a-1");
  EXPECT_EQ(update.sequence(), 2u);
}

TEST_F(RebootTest, EndsATaskThatNeverStarted) {
  ExecutorJournal journal = Journal({});

  ASSERT_TRUE(journal.Record(RebootRecords(journal, kNow)).ok());

  const v1::TaskStatus& status = journal.facts().tasks[0].updates[0].status();
  EXPECT_EQ(status.message(),
            "The host was rebooted; the task was last known as TASK_STAGING");
  EXPECT_FALSE(status.has_start_time());
}

TEST_F(RebootTest, GivesEachTaskOfACustomExecutorAnUpdateOfItsOwn) {
  ExecutorJournal journal = Journal(
      {StartedRecord(7), TaskIntentRecord("t-8"), TaskIntentRecord("t-9"),
       UpdateRecord(1, "u-1", v1::TASK_FINISHED, "t-8")});

  ASSERT_TRUE(journal.Record(RebootRecords(journal, kNow)).ok());

  const ExecutorFacts& facts = journal.facts();
  EXPECT_TRUE(facts.AllTasksTerminal());
  EXPECT_EQ(facts.FindTask("t-8")->updates.size(), 1u) << "it had ended";
  EXPECT_NE(facts.FindTask("t-7")->updates[0].uuid(),
            facts.FindTask("t-9")->updates[0].uuid());
}

TEST_F(RebootTest, LeavesWhatIsUnacknowledgedDeliverable) {
  ExecutorJournal journal = Journal({StartedRecord(7), UpdateRecord(1, "u-1")});

  ASSERT_TRUE(journal.Record(RebootRecords(journal, kNow)).ok());

  EXPECT_EQ(journal.facts().Unacknowledged().size(), 2u);
  EXPECT_EQ(journal.facts().Unacknowledged()[0]->uuid(), "u-1");
}

}  // namespace
}  // namespace holdfast
