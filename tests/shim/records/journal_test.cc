#include "shim/records/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_disk.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kPath[] = "/e-7/journal";

std::vector<std::string> Reopened(FakeDisk& disk) {
  auto file = disk.Open(kPath, Files::Mode::kReadOnly);
  auto opened = Journal::Open(*std::move(file));
  EXPECT_TRUE(opened.ok()) << opened.status();
  return opened.ok() ? opened->payloads : std::vector<std::string>{};
}

Journal OpenForWriting(FakeDisk& disk) {
  auto file = disk.Open(kPath, Files::Mode::kReadWrite);
  return std::move(Journal::Open(*std::move(file))->journal);
}

TEST(Journal, GivesBackWhatWasAppendedInOrder) {
  FakeDisk disk;
  Journal journal = *Journal::Put(disk, kPath, {"intent"});

  ASSERT_TRUE(journal.Append({"started"}).ok());
  ASSERT_TRUE(journal.Append({"exited", "update"}).ok());

  EXPECT_THAT(Reopened(disk),
              ElementsAre("intent", "started", "exited", "update"));
}

TEST(Journal, AppendsWithOneWriteOfFewBytes) {
  FakeDisk disk;
  Journal journal = *Journal::Put(disk, kPath, {"intent"});
  const int before = disk.operations();
  const size_t size = disk.Content(kPath).size();

  ASSERT_TRUE(journal.Append({"exited", "update"}).ok());

  EXPECT_EQ(disk.operations(), before + 1);
  EXPECT_EQ(disk.Content(kPath).size(), size);
}

TEST(Journal, LeavesRoomBehindALargeFirstRecord) {
  FakeDisk disk;

  const Journal journal =
      *Journal::Put(disk, kPath, {std::string(20'000, 'i')});

  EXPECT_GE(journal.capacity_bytes(), journal.used_bytes() + 8 * 1024);
  EXPECT_EQ(disk.Content(kPath).size(), journal.capacity_bytes());
}

TEST(Journal, GrowsByDoubling) {
  FakeDisk disk;
  Journal journal = *Journal::Put(disk, kPath, {"intent"});

  ASSERT_TRUE(journal.Append({std::string(17'000, 'x')}).ok());

  EXPECT_EQ(journal.capacity_bytes(), 2 * Journal::kInitialBytes);
  EXPECT_THAT(Reopened(disk), ElementsAre("intent", std::string(17'000, 'x')));
}

TEST(Journal, GrowsAsFarAsOneLargeRecordNeeds) {
  FakeDisk disk;
  Journal journal = *Journal::Put(disk, kPath, {"intent"});

  ASSERT_TRUE(journal.Append({std::string(1 << 20, 'x')}).ok());

  EXPECT_THAT(Reopened(disk), ElementsAre("intent", std::string(1 << 20, 'x')));
}

TEST(Journal, CanTryAgainWhenThereWasNoRoomToGrow) {
  FakeDisk disk;
  Journal journal = *Journal::Put(disk, kPath, {"intent"});
  disk.FailAt(disk.operations(), absl::ResourceExhaustedError("disk full"));
  const std::string large(17'000, 'x');

  const absl::Status refused = journal.Append({large});
  const absl::Status small = journal.Append({"small"});
  const absl::Status again = journal.Append({large});

  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_TRUE(small.ok()) << small;
  EXPECT_TRUE(again.ok()) << again;
  EXPECT_THAT(Reopened(disk), ElementsAre("intent", "small", large));
}

TEST(Journal, TakesNoMoreAfterAWriteThatFailed) {
  FakeDisk disk;
  Journal journal = *Journal::Put(disk, kPath, {"intent"});
  disk.FailAt(disk.operations(), absl::InternalError("I/O error"));

  const absl::Status failed = journal.Append({"lost"});
  const absl::Status after = journal.Append({"after"});

  EXPECT_TRUE(absl::IsInternal(failed)) << failed;
  EXPECT_TRUE(absl::IsFailedPrecondition(after)) << after;
  EXPECT_TRUE(OpenForWriting(disk).Append({"after"}).ok());
  EXPECT_THAT(Reopened(disk), ElementsAre("intent", "after"));
}

TEST(Journal, TakesMoreOnceItIsReopened) {
  FakeDisk disk;
  Journal journal = *Journal::Put(disk, kPath, {"intent"});
  disk.FailAt(disk.operations(), absl::InternalError("I/O error"));
  EXPECT_FALSE(journal.Append({"lost"}).ok());
  ASSERT_TRUE(journal.failed());

  const auto payloads = journal.Reopen();

  ASSERT_TRUE(payloads.ok()) << payloads.status();
  EXPECT_THAT(*payloads, ElementsAre("intent"));
  EXPECT_FALSE(journal.failed());
  EXPECT_TRUE(journal.Append({"after"}).ok());
  EXPECT_THAT(Reopened(disk), ElementsAre("intent", "after"));
}

TEST(Journal, CutsOffWhatAFailedWriteLeftWhenItIsReopened) {
  FakeDisk disk;
  Journal journal = *Journal::Put(disk, kPath, {"intent"});
  const size_t end = journal.used_bytes();
  disk.FailAt(disk.operations(), absl::InternalError("I/O error"));
  EXPECT_FALSE(journal.Append({"lost"}).ok());
  std::string content = disk.Content(kPath);
  content.replace(end, 30, std::string(30, 'x'));
  disk.SetContent(kPath, content);

  const auto payloads = journal.Reopen();

  ASSERT_TRUE(payloads.ok()) << payloads.status();
  EXPECT_THAT(*payloads, ElementsAre("intent"));
  EXPECT_TRUE(journal.Append({"after"}).ok());
  EXPECT_THAT(Reopened(disk), ElementsAre("intent", "after"));
}

TEST(Journal, TakesNoMoreWhereItCannotBeReopened) {
  FakeDisk disk;
  Journal journal = *Journal::Put(disk, kPath, {"intent"});
  for (int i = 0; i < 3; ++i) {
    disk.FailAt(disk.operations() + i, absl::InternalError("I/O error"));
  }
  EXPECT_FALSE(journal.Append({"lost"}).ok());

  EXPECT_FALSE(journal.Reopen().ok()) << "reading";
  EXPECT_FALSE(journal.Reopen().ok()) << "or writing";
  EXPECT_TRUE(absl::IsFailedPrecondition(journal.Append({"after"})));

  EXPECT_TRUE(journal.Reopen().ok());
}

TEST(Journal, RefusesWhatCannotBeAFrame) {
  FakeDisk disk;
  Journal journal = *Journal::Put(disk, kPath, {"intent"});

  const absl::Status empty = journal.Append({""});
  const absl::Status huge =
      journal.Append({std::string(Journal::kMaxPayloadBytes, 'x')});

  EXPECT_TRUE(absl::IsInvalidArgument(empty)) << empty;
  EXPECT_TRUE(absl::IsInvalidArgument(huge)) << huge;
  EXPECT_TRUE(journal.Append({"fine"}).ok());
}

TEST(Journal, NamesBothVersionsOfANewerOne) {
  const auto parsed = Journal::Parse(absl::string_view("HFJ\x03whatever", 12));

  EXPECT_TRUE(absl::IsFailedPrecondition(parsed.status()));
  EXPECT_THAT(parsed.status().message(), HasSubstr("version 3"));
  EXPECT_THAT(parsed.status().message(), HasSubstr("up to 1"));
}

TEST(Journal, RefusesWhatIsNoJournal) {
  for (const absl::string_view content :
       {absl::string_view(), absl::string_view("HFJ"),
        absl::string_view("\0\0\0\0\0\0\0\0", 8),
        absl::string_view("\x7f"
                          "ELF and more")}) {
    EXPECT_TRUE(absl::IsDataLoss(Journal::Parse(content).status())) << content;
  }
}

TEST(Journal, ZeroesATornTailBeforeTheNextAppend) {
  FakeDisk disk;
  Journal dying = *Journal::Put(disk, kPath, {"intent"});
  ASSERT_TRUE(disk.SyncDirectory("/e-7").ok());
  disk.DieAt(disk.operations(), Tear{.first = 3});
  ASSERT_FALSE(dying.Append({std::string(2000, 'x')}).ok());
  disk.DropUnsynced();

  Journal journal = OpenForWriting(disk);
  ASSERT_TRUE(journal.Append({"short"}).ok());

  const auto parsed = Journal::Parse(disk.Content(kPath));
  EXPECT_THAT(parsed->payloads, ElementsAre("intent", "short"));
  EXPECT_FALSE(parsed->torn);
}

TEST(JournalCompact, KeepsOnlyWhatItIsGivenAndGoesOn) {
  FakeDisk disk;
  Journal journal = *Journal::Put(disk, kPath, {"intent"});
  ASSERT_TRUE(journal.Append({std::string(40'000, 'x')}).ok());

  ASSERT_TRUE(journal.Compact(disk, kPath, {"intent", "rest"}).ok());
  ASSERT_TRUE(journal.Append({"after"}).ok());

  EXPECT_THAT(Reopened(disk), ElementsAre("intent", "rest", "after"));
  EXPECT_EQ(journal.capacity_bytes(), Journal::kInitialBytes);
}

TEST(JournalCompact, HoldsTheLockOfTheNewFile) {
  FakeDisk disk;
  Journal journal = *Journal::Put(disk, kPath, {"intent"});

  ASSERT_TRUE(journal.Compact(disk, kPath, {"intent"}).ok());

  auto other = *disk.Open(kPath, Files::Mode::kReadWrite);
  EXPECT_TRUE(absl::IsUnavailable(other->TryLock()));
}

TEST(JournalCompact, ReplacesWhatAnEarlierDeathLeft) {
  FakeDisk disk;
  Journal journal = *Journal::Put(disk, kPath, {"intent"});
  disk.SetContent(std::string(kPath) + ".new", "half of a");

  ASSERT_TRUE(journal.Compact(disk, kPath, {"intent", "rest"}).ok());

  EXPECT_THAT(Reopened(disk), ElementsAre("intent", "rest"));
}

// Remove of a leftover, open, lock, write, rename.
TEST(JournalCompact, LeavesTheOldFileWhenItFailsBeforeTheRename) {
  for (int operation = 0; operation < 5; ++operation) {
    FakeDisk disk;
    Journal journal = *Journal::Put(disk, kPath, {"intent"});
    disk.FailAt(disk.operations() + operation,
                absl::ResourceExhaustedError("disk full"));

    const absl::Status status = journal.Compact(disk, kPath, {"short"});

    EXPECT_TRUE(absl::IsResourceExhausted(status)) << operation << status;
    EXPECT_TRUE(journal.Append({"after"}).ok());
    EXPECT_THAT(Reopened(disk), ElementsAre("intent", "after"));
    EXPECT_FALSE(disk.Exists(std::string(kPath) + ".new"));
  }
}

TEST(JournalCompact, TakesNoMoreWhenTheNewNameIsNotDurable) {
  FakeDisk disk;
  Journal journal = *Journal::Put(disk, kPath, {"intent"});
  disk.FailAt(disk.operations() + 5, absl::InternalError("I/O error"));

  const absl::Status status = journal.Compact(disk, kPath, {"short"});

  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_TRUE(absl::IsFailedPrecondition(journal.Append({"after"})));
  EXPECT_THAT(Reopened(disk), ElementsAre("short"));
}

}  // namespace
}  // namespace holdfast
