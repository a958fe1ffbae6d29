#include "shim/bundle/executor_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/fakes/fake_disk.h"
#include "tests/shim/bundle/records.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kPath[] = "/e-7/journal";

ExecutorJournal NewJournal(FakeDisk& disk) {
  return *ExecutorJournal::Create(disk, kPath, AnIntent());
}

ExecutorFacts Peeked(FakeDisk& disk) {
  auto facts = ExecutorJournal::Peek(disk, kPath);
  EXPECT_TRUE(facts.ok()) << facts.status();
  return facts.ok() ? *facts : ExecutorFacts();
}

// An update that makes a journal grow.
v1::StatusUpdate LargeUpdate(int i) {
  v1::StatusUpdate update = AnUpdate(absl::StrCat("u-", i));
  update.mutable_status()->set_message(std::string(5000, 'm'));
  return update;
}

TEST(ExecutorJournal, IsTakenOverWithEverythingThatWasRecorded) {
  FakeDisk disk;
  {
    ExecutorJournal journal = NewJournal(disk);
    ASSERT_TRUE(journal.Record(StartedRecord(4711)).ok());
    ASSERT_TRUE(journal.AppendUpdate(AnUpdate("u-1")).ok());
  }

  const auto journal = ExecutorJournal::TakeOver(disk, kPath);

  ASSERT_TRUE(journal.ok()) << journal.status();
  EXPECT_EQ(journal->facts().started->pid(), 4711);
  EXPECT_THAT(UnacknowledgedUuids(journal->facts()), ElementsAre("u-1"));
}

TEST(ExecutorJournal, IsNotCreatedOverAnother) {
  FakeDisk disk;
  const ExecutorJournal journal = NewJournal(disk);

  const auto second = ExecutorJournal::Create(disk, kPath, AnIntent());

  EXPECT_TRUE(absl::IsAlreadyExists(second.status())) << second.status();
}

TEST(ExecutorJournal, IsUnavailableWhileItsWriterLives) {
  FakeDisk disk;
  const ExecutorJournal journal = NewJournal(disk);

  const auto second = ExecutorJournal::TakeOver(disk, kPath);

  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
  EXPECT_EQ(Peeked(disk).intent.container_id(), "c-7");
}

TEST(ExecutorJournal, IsNotFoundWhereThereIsNone) {
  FakeDisk disk;

  EXPECT_TRUE(
      absl::IsNotFound(ExecutorJournal::TakeOver(disk, kPath).status()));
  EXPECT_TRUE(absl::IsNotFound(ExecutorJournal::Peek(disk, kPath).status()));
}

TEST(ExecutorJournal, RecordsAllOrNone) {
  FakeDisk disk;
  ExecutorJournal journal = NewJournal(disk);
  const std::string before = disk.Content(kPath);

  const absl::Status refused = journal.Record(
      {TaskIntentRecord("t-8"), UpdateRecord(1, "u-1", v1::TASK_LOST, "t-8"),
       UpdateRecord(2, "u-2", v1::TASK_LOST, "t-8")});

  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_EQ(disk.Content(kPath), before);
  EXPECT_EQ(journal.facts().FindTask("t-8"), nullptr);
  EXPECT_TRUE(journal
                  .Record({TaskIntentRecord("t-8"),
                           UpdateRecord(1, "u-1", v1::TASK_LOST, "t-8")})
                  .ok());
  EXPECT_THAT(UnacknowledgedUuids(Peeked(disk)), ElementsAre("u-1"));
}

TEST(ExecutorJournal, IsNeverAheadOfTheDisk) {
  FakeDisk disk;
  ExecutorJournal journal = NewJournal(disk);
  disk.FailAt(disk.operations(), absl::InternalError("I/O error"));

  const auto update = journal.AppendUpdate(AnUpdate("u-1"));

  EXPECT_TRUE(absl::IsInternal(update.status())) << update.status();
  EXPECT_EQ(journal.facts().FindUpdate("u-1"), nullptr);
  EXPECT_TRUE(absl::IsFailedPrecondition(journal.Record(StartedRecord(1))));
}

TEST(ExecutorJournal, KnowsWhatTheDiskSaysOnceItIsReopened) {
  FakeDisk disk;
  ExecutorJournal journal = NewJournal(disk);
  ASSERT_TRUE(journal.ReopenIfFailed().ok()) << "nothing has failed";
  disk.FailAt(disk.operations(), absl::InternalError("I/O error"));
  EXPECT_FALSE(journal.Record(StartedRecord(1)).ok());

  ASSERT_TRUE(journal.ReopenIfFailed().ok());

  EXPECT_FALSE(journal.facts().started.has_value());
  EXPECT_EQ(journal.facts().intent.container_id(), "c-7");
  EXPECT_TRUE(journal.Record(StartedRecord(2)).ok());
  EXPECT_EQ(journal.facts().started->pid(), 2);
}

TEST(ExecutorJournal, FillsInWhatAnUpdateLacks) {
  FakeDisk disk;
  ExecutorJournal journal = NewJournal(disk);

  const auto first = journal.AppendUpdate(AnUpdate(""));
  const auto second = journal.AppendUpdate(AnUpdate("u-2"));

  EXPECT_THAT(first->uuid(), SizeIs(36));
  EXPECT_EQ(first->sequence(), 1u);
  EXPECT_EQ(first->framework_id(), "f-1");
  EXPECT_EQ(first->executor_id(), "e-7");
  EXPECT_EQ(first->agent_id(), "a-1");
  EXPECT_EQ(first->container_id(), "c-7");
  EXPECT_EQ(second->uuid(), "u-2");
  EXPECT_EQ(second->sequence(), 2u);
}

TEST(ExecutorJournal, CompletesSeveralUpdatesForOneRecord) {
  FakeDisk disk;
  ExecutorJournal journal = NewJournal(disk);
  v1::JournalRecord first, second;
  *first.mutable_update() = journal.Complete(AnUpdate("u-1"));
  *second.mutable_update() = journal.Complete(AnUpdate("u-2"), 1);

  ASSERT_TRUE(journal.Record({first, second}).ok());

  EXPECT_EQ(journal.facts().last_sequence, 2u);
}

TEST(ExecutorJournal, RefusesUpdatesThatCannotBe) {
  FakeDisk disk;
  ExecutorJournal journal = NewJournal(disk);
  ASSERT_TRUE(journal.AppendUpdate(AnUpdate("u-1", v1::TASK_KILLED)).ok());

  EXPECT_TRUE(absl::IsNotFound(
      journal.AppendUpdate(AnUpdate("u-2", v1::TASK_LOST, "t-9")).status()));
  EXPECT_TRUE(absl::IsAlreadyExists(
      journal.AppendUpdate(AnUpdate("u-1", v1::TASK_KILLED)).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(
      journal.AppendUpdate(AnUpdate("u-2")).status()));
}

TEST(ExecutorJournal, AcknowledgesInOrderAndOnceMore) {
  FakeDisk disk;
  ExecutorJournal journal = NewJournal(disk);
  ASSERT_TRUE(journal.AppendUpdate(AnUpdate("u-1")).ok());
  ASSERT_TRUE(journal.AppendUpdate(AnUpdate("u-2")).ok());

  EXPECT_TRUE(absl::IsNotFound(journal.Acknowledge("u-9", kNow)));
  EXPECT_TRUE(absl::IsFailedPrecondition(journal.Acknowledge("u-2", kNow)));
  EXPECT_TRUE(journal.Acknowledge("u-1", kNow).ok());
  EXPECT_TRUE(journal.Acknowledge("u-1", kNow).ok());
  EXPECT_TRUE(journal.Acknowledge("u-2", kNow).ok());

  EXPECT_TRUE(Peeked(disk).AllAcknowledged());
}

TEST(ExecutorJournal, StaysSmallWhenItsUpdatesAreAcknowledged) {
  FakeDisk disk;
  ExecutorJournal journal = NewJournal(disk);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(journal.AppendUpdate(LargeUpdate(i)).ok());
    ASSERT_TRUE(journal.Acknowledge(absl::StrCat("u-", i), kNow).ok());
  }

  EXPECT_LE(disk.Content(kPath).size(), 128u * 1024);
  EXPECT_LE(journal.facts().tasks[0].updates.size(), 15u);
  EXPECT_EQ(Peeked(disk).last_sequence, 100u);
  EXPECT_TRUE(journal.Acknowledge("u-99", kNow).ok());
}

TEST(ExecutorJournal, KeepsGrowingWhenNothingIsAcknowledged) {
  FakeDisk disk;
  ExecutorJournal journal = NewJournal(disk);

  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(journal.AppendUpdate(LargeUpdate(i)).ok());
  }

  EXPECT_THAT(Peeked(disk).Unacknowledged(), SizeIs(100));
}

// A compaction removes a leftover, opens, locks, writes, renames, syncs.
constexpr int kCompactionOperations = 6;

// Appends and acknowledges until that has happened; returns the number of its
// first operation.
int CompactOnce(FakeDisk& disk) {
  ExecutorJournal journal = NewJournal(disk);
  for (int i = 0; i < 100; ++i) {
    const int before = disk.operations();
    EXPECT_TRUE(journal.AppendUpdate(LargeUpdate(i)).ok());
    const int after = disk.operations();
    if (after - before > kCompactionOperations) {
      return after - kCompactionOperations;
    }
    EXPECT_TRUE(journal.Acknowledge(absl::StrCat("u-", i), kNow).ok());
  }
  ADD_FAILURE() << "never compacted";
  return 0;
}

TEST(ExecutorJournal, GoesOnWhereItCannotBeCompacted) {
  FakeDisk model;
  FakeDisk disk;
  disk.FailAt(CompactOnce(model), absl::ResourceExhaustedError("disk full"));

  CompactOnce(disk);

  EXPECT_GT(disk.operations(), model.operations());
  EXPECT_GT(Peeked(disk).last_sequence, Peeked(model).last_sequence);
}

TEST(ExecutorJournal, NamesARecordOfANewerKind) {
  FakeDisk disk;
  const std::string newer("\xa2\x06\x02\x08\x01", 5);  // field 100
  ASSERT_TRUE(
      Journal::Put(disk, kPath, {IntentRecord().SerializeAsString(), newer})
          .ok());

  const auto journal = ExecutorJournal::TakeOver(disk, kPath);

  EXPECT_TRUE(absl::IsFailedPrecondition(journal.status()));
  EXPECT_THAT(journal.status().message(), HasSubstr("record 1: of kind 100"));
  EXPECT_THAT(journal.status().message(), HasSubstr(kPath));
}

TEST(ExecutorJournal, IsDataLossWhenItsRecordsCannotBe) {
  for (const std::vector<std::string>& payloads :
       std::vector<std::vector<std::string>>{
           {},
           {StartedRecord(1).SerializeAsString()},
           {IntentRecord().SerializeAsString(), "\xff\xff no proto"}}) {
    FakeDisk disk;
    ASSERT_TRUE(Journal::Put(disk, kPath, payloads).ok());

    const auto journal = ExecutorJournal::TakeOver(disk, kPath);

    EXPECT_TRUE(absl::IsDataLoss(journal.status())) << journal.status();
  }
}

}  // namespace
}  // namespace holdfast
