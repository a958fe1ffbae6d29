// The promise of the queue, wherever its writer dies: an update that was
// promised is there, in order, until it was acknowledged, and never again.

#include <gtest/gtest.h>

#include <deque>

#include "absl/strings/str_cat.h"
#include "shim/bundle/executor_journal.h"
#include "tests/fakes/fake_disk.h"
#include "tests/shim/bundle/records.h"

namespace holdfast {
namespace {

constexpr char kPath[] = "/e-7/journal";
constexpr int kUpdates = 30;

struct Promise {
  bool exists = false;
  std::deque<std::string> unacknowledged;
  std::string appending;      // may be there after them
  std::string acknowledging;  // the first of them; may be gone
};

bool AppendOne(ExecutorJournal& journal, int i, Promise* promise) {
  v1::StatusUpdate update = AnUpdate(absl::StrCat("u-", i));
  update.mutable_status()->set_message(std::string(4000, 'm'));
  promise->appending = update.uuid();
  if (!journal.AppendUpdate(update).ok()) return false;
  promise->unacknowledged.push_back(update.uuid());
  promise->appending.clear();
  return true;
}

bool AcknowledgeOne(ExecutorJournal& journal, Promise* promise) {
  promise->acknowledging = promise->unacknowledged.front();
  if (!journal.Acknowledge(promise->acknowledging, kNow).ok()) return false;
  promise->unacknowledged.pop_front();
  promise->acknowledging.clear();
  return true;
}

// Two updates stay unacknowledged; the journal grows and is compacted.
Promise LiveUntilDeath(FakeDisk& disk) {
  Promise promise;
  auto journal = ExecutorJournal::Create(disk, kPath, AnIntent());
  if (!journal.ok() || !disk.SyncDirectory("/e-7").ok()) return promise;
  promise.exists = true;
  for (int i = 0; i < kUpdates; ++i) {
    if (!AppendOne(*journal, i, &promise)) break;
    if (promise.unacknowledged.size() < 3) continue;
    if (!AcknowledgeOne(*journal, &promise)) break;
  }
  return promise;
}

void ExpectKept(const Promise& promise, const ExecutorFacts& facts) {
  const std::vector<std::string> found = UnacknowledgedUuids(facts);
  std::deque<std::string> expected = promise.unacknowledged;
  if (!promise.acknowledging.empty() &&
      (found.empty() || found.front() != promise.acknowledging)) {
    expected.pop_front();
  }
  if (!promise.appending.empty() && !found.empty() &&
      found.back() == promise.appending) {
    expected.push_back(promise.appending);
  }
  EXPECT_EQ(found, std::vector(expected.begin(), expected.end()));
}

// Whoever takes over promises more, and that too survives a power cut.
void ExpectGoesOn(Promise promise, FakeDisk& disk) {
  {
    auto journal = ExecutorJournal::TakeOver(disk, kPath);
    if (!promise.exists && absl::IsNotFound(journal.status())) return;
    ASSERT_TRUE(journal.ok()) << journal.status();
    ExpectKept(promise, journal->facts());
    promise = {.exists = true,
               .unacknowledged = {},
               .appending = "",
               .acknowledging = ""};
    for (std::string& uuid : UnacknowledgedUuids(journal->facts())) {
      promise.unacknowledged.push_back(std::move(uuid));
    }
    ASSERT_TRUE(AppendOne(*journal, kUpdates, &promise));
    ASSERT_TRUE(AcknowledgeOne(*journal, &promise));
  }
  disk.DropUnsynced();
  const auto again = ExecutorJournal::TakeOver(disk, kPath);
  ASSERT_TRUE(again.ok()) << again.status();
  ExpectKept(promise, again->facts());
}

void DieEverywhere(Tear tear, void (FakeDisk::*leave)()) {
  for (int operation = 0;; ++operation) {
    SCOPED_TRACE(absl::StrCat("died at operation ", operation));
    FakeDisk disk(operation, tear);
    const Promise promise = LiveUntilDeath(disk);

    (disk.*leave)();

    ExpectGoesOn(promise, disk);
    if (!disk.died()) break;  // it ran to its end: every death was tried
  }
}

class ExecutorJournalCrash : public ::testing::TestWithParam<Tear> {};

TEST_P(ExecutorJournalCrash, KeepsEveryPromiseWhenTheProcessDies) {
  DieEverywhere(GetParam(), &FakeDisk::RestartProcess);
}

TEST_P(ExecutorJournalCrash, KeepsEveryPromiseAcrossAPowerCut) {
  DieEverywhere(GetParam(), &FakeDisk::DropUnsynced);
}

INSTANTIATE_TEST_SUITE_P(
    Tears, ExecutorJournalCrash,
    ::testing::Values(Tear{}, Tear{.first = 1}, Tear{.first = 4},
                      Tear{.last = 1}, Tear{.last = 4},
                      Tear{.first = 2, .last = 2}, Tear{.first = Tear::kAll}),
    [](const auto& tear) {
      if (tear.param.IsWhole()) return std::string("Whole");
      return absl::StrCat("First", tear.param.first, "Last", tear.param.last);
    });

TEST(ExecutorJournalCrashLife, HasACompactionInIt) {
  FakeDisk disk;

  const Promise promise = LiveUntilDeath(disk);

  EXPECT_EQ(promise.unacknowledged.size(), 2u);
  EXPECT_LT(disk.Content(kPath).size(), 100u * 1024);
}

}  // namespace
}  // namespace holdfast
