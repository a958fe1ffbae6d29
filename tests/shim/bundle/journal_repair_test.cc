// A journal that was damaged under its living writer.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shim/bundle/executor_journal.h"
#include "tests/fakes/fake_disk.h"
#include "tests/shim/bundle/records.h"

namespace holdfast {
namespace {

constexpr char kPath[] = "/e/journal";
constexpr char kAside[] = "/e/journal.damaged-1";

class JournalRepair : public testing::Test {
 protected:
  void SetUp() override {
    journal_ = std::make_unique<ExecutorJournal>(
        *ExecutorJournal::Create(disk_, kPath, AnIntent()));
    ASSERT_TRUE(journal_->Record(StartedRecord(7)).ok());
    ASSERT_TRUE(journal_->AppendUpdate(AnUpdate("u-1")).ok());
  }

  ExecutorJournal::Repaired Repair() {
    const auto repaired = journal_->Repair();
    EXPECT_TRUE(repaired.ok()) << repaired.status();
    return repaired.value_or(ExecutorJournal::Repaired());
  }

  // The disk says what the writer knows, and can be written.
  void ExpectWhole() {
    EXPECT_TRUE(journal_->AppendUpdate(AnUpdate("u-2")).ok());
    const auto facts = ExecutorJournal::Peek(disk_, kPath);
    ASSERT_TRUE(facts.ok()) << facts.status();
    EXPECT_EQ(facts->started->pid(), 7);
    EXPECT_THAT(UnacknowledgedUuids(*facts),
                testing::ElementsAre("u-1", "u-2"));
  }

  FakeDisk disk_;
  std::unique_ptr<ExecutorJournal> journal_;
};

// Its writer may be at the last frame this very moment; at no other.
TEST_F(JournalRepair, IsNotWaitedForWhereAGoodFrameFollowsTheDamage) {
  const auto operations_of_a_look_at_damage = [this](size_t at) {
    const std::string whole = disk_.Content(kPath);
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    disk_.SetContent(kPath, damaged);
    const int before = disk_.operations();
    const auto facts = ExecutorJournal::Peek(disk_, kPath);
    EXPECT_TRUE(absl::IsDataLoss(facts.status())) << facts.status();
    disk_.SetContent(kPath, whole);
    return disk_.operations() - before;
  };
  const size_t last_byte = disk_.Content(kPath).find_last_not_of('\0');

  const int in_the_first = operations_of_a_look_at_damage(20);
  const int in_the_last = operations_of_a_look_at_damage(last_byte);

  EXPECT_EQ(in_the_last, 3 * in_the_first) << "six looks, and two";
}

TEST_F(JournalRepair, DoesNothingToAWholeOne) {
  const std::string before = disk_.Content(kPath);

  EXPECT_FALSE(Repair().rewritten);

  EXPECT_EQ(disk_.Content(kPath), before);
  EXPECT_FALSE(disk_.Exists(kAside));
}

TEST_F(JournalRepair, KeepsWhatIsDamagedAtWhateverByteAndWritesTheFactsAnew) {
  const std::string whole = disk_.Content(kPath);
  const size_t used = whole.find_last_not_of('\0') + 1;
  for (size_t at = 0; at < used; ++at) {
    disk_ = FakeDisk();
    SetUp();
    std::string damaged = disk_.Content(kPath);
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    disk_.SetContent(kPath, damaged);

    const ExecutorJournal::Repaired repaired = Repair();

    EXPECT_TRUE(repaired.rewritten) << at;
    EXPECT_EQ(repaired.kept_as, kAside);
    EXPECT_EQ(disk_.Content(kAside), damaged) << at;
    ExpectWhole();
  }
}

TEST_F(JournalRepair, MakesGoodWhatWasCutShort) {
  disk_.SetContent(kPath, disk_.Content(kPath).substr(0, 40));

  EXPECT_TRUE(Repair().rewritten);

  ExpectWhole();
}

TEST_F(JournalRepair, MakesGoodOneThatIsGone) {
  ASSERT_TRUE(disk_.Remove(kPath).ok());

  const ExecutorJournal::Repaired repaired = Repair();

  EXPECT_TRUE(repaired.rewritten);
  EXPECT_EQ(repaired.kept_as, "");
  ExpectWhole();
}

TEST_F(JournalRepair, TakesNoOtherFileOfThatNameForIts) {
  ASSERT_TRUE(disk_.Remove(kPath).ok());
  ASSERT_TRUE(ExecutorJournal::Create(disk_, kPath, AnIntent()).ok());
  const std::string others = disk_.Content(kPath);

  EXPECT_TRUE(Repair().rewritten);

  EXPECT_EQ(disk_.Content(kAside), others);
  ExpectWhole();
}

TEST_F(JournalRepair, KeepsEachDamagedOne) {
  disk_.SetContent(kPath, "first");
  EXPECT_EQ(Repair().kept_as, kAside);
  disk_.SetContent(kPath, "second");

  EXPECT_EQ(Repair().kept_as, "/e/journal.damaged-2");

  EXPECT_EQ(disk_.Content(kAside), "first");
  ExpectWhole();
}

TEST_F(JournalRepair, WritesOnAfterAWriteThatTheDamagedFileHadRefused) {
  disk_.FailAt(disk_.operations(), absl::InternalError("I/O error"));
  ASSERT_FALSE(journal_->AppendUpdate(AnUpdate("u-9")).ok());
  disk_.SetContent(kPath, "nonsense");
  ASSERT_TRUE(absl::IsDataLoss(journal_->ReopenIfFailed()));

  EXPECT_TRUE(Repair().rewritten);

  ExpectWhole();
}

TEST_F(JournalRepair, ChangesNothingWhereTheDiskIsFull) {
  disk_.SetContent(kPath, "damaged");
  for (int operation = 3; operation < 6; ++operation) {
    disk_.FailAt(disk_.operations() + operation,
                 absl::ResourceExhaustedError("disk full"));

    EXPECT_FALSE(journal_->Repair().ok());

    EXPECT_EQ(disk_.Content(kPath), "damaged");
  }
}

}  // namespace
}  // namespace holdfast
