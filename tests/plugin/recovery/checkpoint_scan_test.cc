#include "plugin/recovery/checkpoint_scan.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "plugin/checkpoint/spare_directory.h"
#include "shim/bundle/executor_journal.h"
#include "shim/records/journal.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/shim/bundle/records.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CheckpointScanTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const std::string& path :
         {layout_.work_dir, layout_.runtime_dir, layout_.Executors(true),
          layout_.Executors(false)}) {
      ASSERT_EQ(mkdir(path.c_str(), 0700), 0) << path;
    }
    loop_ = std::move(EventLoop::Create()).value();
  }

  void MakeDirectory(const std::string& id, bool checkpoint = true) {
    ASSERT_EQ(mkdir(layout_.Executor(id, checkpoint).c_str(), 0700), 0);
  }
  void MakeExecutor(const std::string& id, bool checkpoint = true) {
    MakeDirectory(id, checkpoint);
    v1::Intent intent = AnIntent();
    intent.set_container_id(id);
    const auto journal = ExecutorJournal::Create(
        SystemFiles(), layout_.Journal(id, checkpoint), intent);
    ASSERT_TRUE(journal.ok()) << journal.status();
  }
  static void WriteFile(const std::string& path, const std::string& content) {
    const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(pwrite(fd.get(), content.data(), content.size(), 0),
              static_cast<ssize_t>(content.size()));
  }

  absl::StatusOr<std::vector<ScannedContainer>> Scan() {
    std::optional<absl::StatusOr<std::vector<ScannedContainer>>> result;
    WorkerPool workers(2);
    ScanCheckpoint(*loop_, workers, SystemFiles(), layout_, [&](auto scanned) {
      result = std::move(scanned);
      loop_->Stop();
    });
    loop_->Run();
    return *std::move(result);
  }
  // Of a scan that finds one container alone.
  ScannedContainer ScanOne() {
    auto scanned = Scan();
    EXPECT_TRUE(scanned.ok() && scanned->size() == 1);
    return std::move(scanned->at(0));
  }

  const TemporaryDirectory directory_;
  const Layout layout_ = {directory_ / "work", directory_ / "run"};
  std::unique_ptr<EventLoop> loop_;
};

TEST_F(CheckpointScanTest, FindsNothingWhereThereIsNothing) {
  const auto scanned = Scan();

  ASSERT_TRUE(scanned.ok()) << scanned.status();
  EXPECT_THAT(*scanned, IsEmpty());
}

TEST_F(CheckpointScanTest, ReadsEveryExecutorsFacts) {
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    ids.insert(absl::StrCat("c-", i));
    MakeExecutor(absl::StrCat("c-", i));
  }

  const auto scanned = Scan();

  ASSERT_TRUE(scanned.ok()) << scanned.status();
  std::set<std::string> found;
  for (const ScannedContainer& container : *scanned) {
    EXPECT_TRUE(container.checkpoint);
    EXPECT_FALSE(container.never_begun);
    ASSERT_TRUE(container.facts.ok()) << container.facts.status();
    EXPECT_EQ(container.facts->intent.container_id(), container.container_id);
    found.insert(container.container_id);
  }
  EXPECT_EQ(found, ids);
}

TEST_F(CheckpointScanTest, LooksAtThoseWithoutACheckpointToo) {
  MakeExecutor("c-1", /*checkpoint=*/false);

  const ScannedContainer container = ScanOne();

  EXPECT_EQ(container.container_id, "c-1");
  EXPECT_FALSE(container.checkpoint);
  EXPECT_TRUE(container.facts.ok());
}

TEST_F(CheckpointScanTest, TellsDamageOfOneBesideTheOthers) {
  MakeExecutor("c-1");
  MakeExecutor("c-2");
  WriteFile(layout_.Journal("c-1", true), "nonsense");

  const auto scanned = Scan();

  ASSERT_TRUE(scanned.ok()) << scanned.status();
  ASSERT_THAT(*scanned, SizeIs(2));
  EXPECT_TRUE(absl::IsDataLoss(scanned->at(0).facts.status()));
  EXPECT_THAT(std::string(scanned->at(0).facts.status().message()),
              HasSubstr(layout_.Journal("c-1", true)));
  EXPECT_FALSE(scanned->at(0).never_begun);
  EXPECT_TRUE(scanned->at(1).facts.ok());
}

TEST_F(CheckpointScanTest, ReadsWhileAShimHoldsTheJournal) {
  MakeExecutor("c-1");
  const auto shims =
      ExecutorJournal::TakeOver(SystemFiles(), layout_.Journal("c-1", true));
  ASSERT_TRUE(shims.ok()) << shims.status();

  EXPECT_TRUE(ScanOne().facts.ok());
}

TEST_F(CheckpointScanTest, KnowsALaunchThatWasBrokenOffBeforeItsIntent) {
  MakeDirectory("c-1");
  ASSERT_EQ(mkdir(layout_.Sandbox("c-1", true).c_str(), 0700), 0);
  WriteFile(layout_.Journal("c-1", true) + ".new", "half of on");

  const ScannedContainer container = ScanOne();

  EXPECT_TRUE(absl::IsNotFound(container.facts.status()));
  EXPECT_TRUE(container.never_begun);
}

TEST_F(CheckpointScanTest, LeavesOutWhatWasMadeAhead) {
  MakeExecutor("c-1");
  const std::string spare = SparePath(layout_, "c-2");
  ASSERT_EQ(mkdir(spare.c_str(), 0700), 0);
  ASSERT_TRUE(Journal::Put(SystemFiles(), spare + "/journal", {}).ok());

  EXPECT_EQ(ScanOne().container_id, "c-1");
}

TEST_F(CheckpointScanTest, GivesALaunchThatBeganInASpareItsName) {
  MakeExecutor("c-1");
  ASSERT_EQ(rename(layout_.Executor("c-1", true).c_str(),
                   SparePath(layout_, "c-1").c_str()),
            0);

  auto scanned = Scan();
  ASSERT_TRUE(scanned.ok()) << scanned.status();
  ASSERT_THAT(*scanned, SizeIs(1));
  EXPECT_TRUE(scanned->at(0).has_spare_name);
  EXPECT_THAT(GiveNames(SystemFiles(), layout_, *scanned), IsEmpty());

  EXPECT_EQ(scanned->at(0).container_id, "c-1");
  EXPECT_FALSE(scanned->at(0).has_spare_name);
  EXPECT_EQ(ScanOne().container_id, "c-1");
}

TEST_F(CheckpointScanTest, KnowsALaunchWhoseNamesAPowerCutTookBack) {
  MakeExecutor("c-1");
  ASSERT_EQ(rename(layout_.Executor("c-1", true).c_str(),
                   SparePath(layout_, "s-1").c_str()),
            0);

  auto scanned = Scan();
  ASSERT_TRUE(scanned.ok()) << scanned.status();
  ASSERT_THAT(*scanned, SizeIs(1));
  ASSERT_TRUE(scanned->at(0).facts.ok()) << scanned->at(0).facts.status();
  EXPECT_THAT(GiveNames(SystemFiles(), layout_, *scanned), IsEmpty());

  EXPECT_EQ(ScanOne().container_id, "c-1");
}

TEST_F(CheckpointScanTest, GivesNoNameThatAnotherHas) {
  MakeExecutor("c-1");
  ASSERT_EQ(rename(layout_.Executor("c-1", true).c_str(),
                   SparePath(layout_, "s-1").c_str()),
            0);
  MakeExecutor("c-1");

  auto scanned = Scan();
  ASSERT_TRUE(scanned.ok()) << scanned.status();
  ASSERT_THAT(*scanned, SizeIs(2));
  EXPECT_THAT(GiveNames(SystemFiles(), layout_, *scanned), IsEmpty());

  for (const ScannedContainer& container : *scanned) {
    EXPECT_EQ(container.facts.ok(), container.container_id == "c-1");
    EXPECT_EQ(container.IsDamaged(), container.container_id != "c-1");
  }
}

TEST_F(CheckpointScanTest, TellsDamageOfASpareAndLeavesItWhereItIs) {
  ASSERT_EQ(mkdir(SparePath(layout_, "c-1").c_str(), 0700), 0);
  WriteFile(SparePath(layout_, "c-1") + "/journal", "nonsense");

  auto scanned = Scan();
  ASSERT_TRUE(scanned.ok()) << scanned.status();
  EXPECT_THAT(GiveNames(SystemFiles(), layout_, *scanned), IsEmpty());

  ASSERT_THAT(*scanned, SizeIs(1));
  EXPECT_TRUE(absl::IsDataLoss(scanned->at(0).facts.status()));
  EXPECT_EQ(layout_.Executor(scanned->at(0).container_id, true),
            SparePath(layout_, "c-1"));
}

TEST_F(CheckpointScanTest, DoesNotTakeALostJournalForALaunchThatNeverBegan) {
  MakeDirectory("c-1");
  WriteFile(layout_.Executor("c-1", true) + "/stdout", "it ran");

  const ScannedContainer container = ScanOne();

  EXPECT_TRUE(absl::IsNotFound(container.facts.status()));
  EXPECT_FALSE(container.never_begun);
}

TEST_F(CheckpointScanTest, TakesAPlainFileForNoExecutorThatNeverBegan) {
  WriteFile(layout_.Executor("c-1", true), "what is this?");

  const ScannedContainer container = ScanOne();

  EXPECT_FALSE(container.facts.ok());
  EXPECT_FALSE(container.never_begun) << "it would be removed";
}

TEST_F(CheckpointScanTest, PassesOverARemovalThatWasInterrupted) {
  MakeExecutor(".c-1.removed");
  MakeExecutor("c-2");

  EXPECT_EQ(ScanOne().container_id, "c-2");
}

TEST_F(CheckpointScanTest, ChangesNothing) {
  MakeExecutor("c-1");
  WriteFile(layout_.Journal("c-1", true), "nonsense");
  const auto before = ReadSmallFile(layout_.Journal("c-1", true));

  ASSERT_TRUE(Scan().ok());

  EXPECT_EQ(*ReadSmallFile(layout_.Journal("c-1", true)), *before);
  EXPECT_EQ(*SystemFiles().List(layout_.Executor("c-1", true)),
            std::vector<std::string>({"journal"}));
}

TEST_F(CheckpointScanTest, SaysWhichDirectoryCannotBeRead) {
  ASSERT_EQ(rmdir(layout_.Executors(false).c_str()), 0);

  const auto scanned = Scan();

  EXPECT_TRUE(absl::IsNotFound(scanned.status())) << scanned.status();
  EXPECT_THAT(std::string(scanned.status().message()),
              HasSubstr(layout_.Executors(false)));
}

}  // namespace
}  // namespace holdfast
