#include <gtest/gtest.h>

#include <functional>

#include "plugin/checkpoint/agent_store.h"
#include "tests/fakes/fake_disk.h"
#include "tests/plugin/checkpoint/records.h"

// A record is replaced whole: whatever operation the plugin dies in, the old
// one or the new one is there afterwards.

namespace holdfast {
namespace {

struct Death {
  const char* name;
  Tear tear;
  void (FakeDisk::*aftermath)();
};

const Death kDeaths[] = {
    {"process", {}, &FakeDisk::RestartProcess},
    {"process after the act", {.first = Tear::kAll}, &FakeDisk::RestartProcess},
    {"power cut", {}, &FakeDisk::DropUnsynced},
    {"power cut, names kept", {}, &FakeDisk::KeepUnsynced},
    {"power cut in the first sector", {.first = 1}, &FakeDisk::DropUnsynced},
    {"power cut but the last sector", {.last = 1}, &FakeDisk::KeepUnsynced},
};

std::unique_ptr<AgentStore> OpenStore(Files& files) {
  return std::move(AgentStore::Open(files, kLayout)).value();
}

// Saves boot-2 over boot-1 and dies in operation `at` of that. Returns the
// boot id that is there afterwards; `promised`: SaveAgent had returned OK.
std::string BootIdAfterDeath(const Death& death, int at, bool& promised,
                             bool& died) {
  FakeDisk disk;
  auto store = OpenStore(disk);
  EXPECT_TRUE(store->SaveAgent(AnAgent("boot-1")).ok());

  disk.DieAt(disk.operations() + at, death.tear);
  promised = store->SaveAgent(AnAgent("boot-2")).ok();
  died = disk.died();
  store.reset();
  (disk.*death.aftermath)();

  const absl::StatusOr<v1::AgentRecord> loaded = OpenStore(disk)->LoadAgent();
  EXPECT_TRUE(loaded.ok()) << loaded.status();
  return loaded.ok() ? loaded->boot_id() : "";
}

TEST(AgentStoreCrash, LeavesTheOldOrTheNewRecordWhereverItDies) {
  for (const Death& death : kDeaths) {
    bool died = true;
    for (int at = 0; died; ++at) {
      SCOPED_TRACE(testing::Message() << death.name << " at " << at);
      bool promised = false;

      const std::string boot_id = BootIdAfterDeath(death, at, promised, died);

      EXPECT_TRUE(boot_id == "boot-2" || (boot_id == "boot-1" && !promised))
          << boot_id;
    }
  }
}

TEST(AgentStoreCrash, LeavesNoRecordOrAWholeOneInTheFirstSave) {
  for (const Death& death : kDeaths) {
    bool died = true;
    for (int at = 0; died; ++at) {
      SCOPED_TRACE(testing::Message() << death.name << " at " << at);
      FakeDisk disk;
      auto store = OpenStore(disk);

      disk.DieAt(disk.operations() + at, death.tear);
      const bool promised = store->SaveAgent(AnAgent("boot-1")).ok();
      died = disk.died();
      store.reset();
      (disk.*death.aftermath)();

      const auto loaded = OpenStore(disk)->LoadAgent();
      EXPECT_TRUE(loaded.ok() ||
                  (absl::IsNotFound(loaded.status()) && !promised))
          << loaded.status();
    }
  }
}

TEST(AgentStoreCrash, KeepsAWholeRecordWhereTheDiskRefusesTheNewOne) {
  for (int at = 0;; ++at) {
    SCOPED_TRACE(at);
    FakeDisk disk;
    auto store = OpenStore(disk);
    ASSERT_TRUE(store->SaveAgent(AnAgent("boot-1")).ok());

    disk.FailAt(disk.operations() + at, absl::ResourceExhaustedError("full"));
    if (store->SaveAgent(AnAgent("boot-2")).ok()) break;  // each was tried

    const auto loaded = store->LoadAgent();
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_TRUE(store->SaveAgent(AnAgent("boot-3")).ok())
        << "one that was refused keeps none from coming";
  }
}

}  // namespace
}  // namespace holdfast
