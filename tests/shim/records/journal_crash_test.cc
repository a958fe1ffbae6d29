// Dies at every operation of a journal's life, in every way a write can be
// torn, and looks at what a process's death and a power cut leave.

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "shim/records/journal.h"
#include "tests/fakes/fake_disk.h"

namespace holdfast {
namespace {

constexpr char kPath[] = "/e-7/journal";

using Payloads = std::vector<std::string>;

// What the journal said it holds, and what it would say if the step in which
// it died went through.
struct Promise {
  bool exists = false;
  Payloads promised;
  Payloads perhaps;
};

bool Append(Journal& journal, const Payloads& payloads, Promise* promise) {
  for (const std::string& p : payloads) promise->perhaps.push_back(p);
  if (!journal.Append(payloads).ok()) return false;
  promise->promised = promise->perhaps;
  return true;
}

bool Compact(FakeDisk& disk, Journal& journal, const Payloads& payloads,
             Promise* promise) {
  promise->perhaps = payloads;
  if (!journal.Compact(disk, kPath, payloads).ok()) return false;
  promise->promised = payloads;
  return true;
}

// Small and large appends, several payloads at once, growth, compaction.
Promise LiveUntilDeath(FakeDisk& disk) {
  Promise promise{.exists = false, .promised = {}, .perhaps = {"intent"}};
  auto journal = Journal::Put(disk, kPath, {"intent"});
  if (!journal.ok() || !disk.SyncDirectory("/e-7").ok()) return promise;
  promise.exists = true;
  promise.promised = {"intent"};
  for (int i = 0; i < 12; ++i) {
    const std::string name = absl::StrCat("update ", i, " ");
    const Payloads both = {name + std::string(size_t{300} * i, 'a'),
                           name + std::string(900, 'b')};
    if (!Append(*journal, both, &promise)) return promise;
    if (!Append(*journal, {name}, &promise)) return promise;
    if (i == 9 && !Compact(disk, *journal, {"intent", name}, &promise)) {
      return promise;
    }
  }
  return promise;
}

// As the next process would: with the directory synced before it promises.
absl::StatusOr<Journal::Opened> Reopen(FakeDisk& disk) {
  auto file = disk.Open(kPath, Files::Mode::kReadWrite);
  if (!file.ok()) return file.status();
  if (absl::Status locked = (*file)->TryLock(); !locked.ok()) return locked;
  if (absl::Status s = disk.SyncDirectory("/e-7"); !s.ok()) return s;
  return Journal::Open(*std::move(file));
}

void ExpectKept(const Promise& promise, FakeDisk& disk) {
  auto opened = Reopen(disk);
  if (!promise.exists && absl::IsNotFound(opened.status())) return;
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->payloads == promise.promised ||
              opened->payloads == promise.perhaps);

  ASSERT_TRUE(opened->journal.Append({"after"}).ok());
  disk.DropUnsynced();

  auto again = Reopen(disk);
  ASSERT_TRUE(again.ok()) << again.status();
  opened->payloads.push_back("after");
  EXPECT_EQ(again->payloads, opened->payloads);
  EXPECT_FALSE(again->torn);
}

void DieEverywhere(Tear tear, void (FakeDisk::*leave)()) {
  for (int operation = 0;; ++operation) {
    SCOPED_TRACE(absl::StrCat("died at operation ", operation, ", first ",
                              tear.first, ", last ", tear.last));
    FakeDisk disk(operation, tear);
    const Promise promise = LiveUntilDeath(disk);

    (disk.*leave)();

    ExpectKept(promise, disk);
    if (!disk.died()) break;  // it ran to its end: every death was tried
  }
}

class JournalCrash : public ::testing::TestWithParam<Tear> {};

TEST_P(JournalCrash, KeepsEveryPromiseWhenTheProcessDies) {
  DieEverywhere(GetParam(), &FakeDisk::RestartProcess);
}

TEST_P(JournalCrash, KeepsEveryPromiseAcrossAPowerCut) {
  DieEverywhere(GetParam(), &FakeDisk::DropUnsynced);
}

TEST_P(JournalCrash, KeepsEveryPromiseWhenNamesAreDurableEarly) {
  DieEverywhere(GetParam(), &FakeDisk::KeepUnsynced);
}

INSTANTIATE_TEST_SUITE_P(
    Tears, JournalCrash,
    ::testing::Values(Tear{}, Tear{.first = 1}, Tear{.first = 2},
                      Tear{.first = 5}, Tear{.last = 1}, Tear{.last = 2},
                      Tear{.first = 1, .last = 1}, Tear{.first = Tear::kAll}),
    [](const auto& tear) {
      if (tear.param.IsWhole()) return std::string("Whole");
      return absl::StrCat("First", tear.param.first, "Last", tear.param.last);
    });

}  // namespace
}  // namespace holdfast
