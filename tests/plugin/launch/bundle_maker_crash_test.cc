#include <gtest/gtest.h>

#include <optional>

#include "plugin/launch/bundle_maker.h"
#include "plugin/recovery/checkpoint_scan.h"
#include "tests/fakes/fake_disk.h"
#include "tests/shim/bundle/records.h"

// Whatever operation the plugin dies in, the next one finds a launch whole or
// not at all, and nothing that looks damaged.

namespace holdfast {
namespace {

const Layout kLayout = {"/work", "/no/runtime"};

struct Death {
  const char* name;
  Tear tear;
  void (FakeDisk::*aftermath)();
};

const Death kDeaths[] = {
    {"process", {}, &FakeDisk::RestartProcess},
    {"process after the act", {.first = Tear::kAll}, &FakeDisk::RestartProcess},
    {"power cut", {}, &FakeDisk::DropUnsynced},
    {"power cut after the act", {.first = Tear::kAll}, &FakeDisk::DropUnsynced},
    {"power cut, names kept", {}, &FakeDisk::KeepUnsynced},
    {"power cut in the first sector", {.first = 1}, &FakeDisk::DropUnsynced},
    {"power cut but the last sector", {.last = 1}, &FakeDisk::KeepUnsynced},
};

v1::Intent CheckpointedIntent() {
  v1::Intent intent = AnIntent();
  intent.set_checkpoint(true);
  intent.mutable_task()->set_data(std::string(2000, 'x'));  // several sectors
  return intent;
}

// OK: the caller may be told that it runs.
absl::Status LaunchAndName(BundleMaker& bundles) {
  const v1::Intent intent = CheckpointedIntent();
  absl::StatusOr<BundleMaker::Claim> claim =
      bundles.ClaimDirectory(intent.container_id(), true);
  if (!claim.ok()) return claim.status();
  const absl::StatusOr<BundleMaker::Bundle> bundle =
      bundles.Begin(*std::move(claim), intent);
  if (!bundle.ok()) return bundle.status();
  return bundle->named ? absl::OkStatus() : bundles.SyncNames();
}

std::vector<ScannedContainer> Scan(FakeDisk& disk) {
  const auto loop = std::move(EventLoop::Create()).value();
  WorkerPool workers(1);
  std::vector<ScannedContainer> found;
  ScanCheckpoint(*loop, workers, disk, kLayout, [&](auto scanned) {
    EXPECT_TRUE(scanned.ok()) << scanned.status();
    if (scanned.ok()) found = *std::move(scanned);
    loop->Stop();
  });
  loop->Run();
  EXPECT_TRUE(GiveNames(disk, kLayout, found).empty());
  return found;
}

void ExpectWholeOrNothing(FakeDisk& disk, bool promised) {
  const std::vector<ScannedContainer> found = Scan(disk);

  ASSERT_LE(found.size(), 1u);
  if (found.empty() || found[0].never_begun) {
    EXPECT_FALSE(promised);
    return;
  }
  EXPECT_EQ(found[0].container_id, "c-7");
  ASSERT_TRUE(found[0].facts.ok()) << found[0].facts.status();
  EXPECT_EQ(found[0].facts->intent.SerializeAsString(),
            CheckpointedIntent().SerializeAsString());
  const auto taken =
      ExecutorJournal::TakeOver(disk, kLayout.Journal("c-7", true));
  EXPECT_TRUE(taken.ok()) << taken.status();
}

// Dies in each operation of a launch that finds `spares` made ahead.
void DieEverywhere(size_t spares) {
  for (const Death& death : kDeaths) {
    bool died = true;
    for (int at = 0; died; ++at) {
      SCOPED_TRACE(testing::Message() << death.name << " at " << at);
      FakeDisk disk;
      std::optional<BundleMaker> bundles(std::in_place, disk, kLayout, spares);
      bundles->spares().Open();
      ASSERT_TRUE(bundles->spares().Refill().ok());

      disk.DieAt(disk.operations() + at, death.tear);
      const bool promised = LaunchAndName(*bundles).ok();
      died = disk.died();
      bundles.reset();
      (disk.*death.aftermath)();

      ExpectWholeOrNothing(disk, promised);
    }
  }
}

TEST(BundleMakerCrash, LeavesALaunchInASpareWholeOrNotAtAll) {
  DieEverywhere(/*spares=*/2);
}

TEST(BundleMakerCrash, LeavesALaunchWithoutSparesWholeOrNotAtAll) {
  DieEverywhere(/*spares=*/0);
}

TEST(BundleMakerCrash, LosesNoLaunchBetweenItsIntentAndItsName) {
  FakeDisk disk;
  BundleMaker bundles(disk, kLayout, /*spares=*/1);
  bundles.spares().Open();
  ASSERT_TRUE(bundles.spares().Refill().ok());
  absl::StatusOr<BundleMaker::Claim> claim =
      bundles.ClaimDirectory("c-7", true);
  ASSERT_TRUE(claim.ok());
  auto bundle = bundles.Begin(*std::move(claim), CheckpointedIntent());
  ASSERT_TRUE(bundle.ok());
  ASSERT_FALSE(bundle->named);
  ASSERT_TRUE(bundle->journal.Record(StartedRecord(7)).ok());

  disk.DropUnsynced();

  const std::vector<ScannedContainer> found = Scan(disk);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].container_id, "c-7");
  ASSERT_TRUE(found[0].facts.ok()) << found[0].facts.status();
  EXPECT_TRUE(found[0].facts->started.has_value());
  EXPECT_TRUE(disk.Exists(kLayout.Journal("c-7", true)));
}

}  // namespace
}  // namespace holdfast
