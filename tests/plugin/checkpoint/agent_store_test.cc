#include "plugin/checkpoint/agent_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/fakes/fake_disk.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/plugin/checkpoint/records.h"

namespace holdfast {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::unique_ptr<AgentStore> OpenStore(Files& files,
                                      const Layout& layout = kLayout) {
  absl::StatusOr<std::unique_ptr<AgentStore>> store =
      AgentStore::Open(files, layout);
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

mode_t ModeOf(const std::string& path) {
  struct stat info = {};
  EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

TEST(AgentStore, MakesItsDirectoriesWithTheirModes) {
  const TemporaryDirectory directory;
  const Layout layout = {directory / "work", directory / "run"};

  const auto store = OpenStore(SystemFiles(), layout);

  EXPECT_EQ(ModeOf(layout.Meta()), 0700u);
  EXPECT_EQ(ModeOf(layout.Frameworks()), 0700u);
  // An executor's user goes through them to its sandbox and its socket.
  EXPECT_EQ(ModeOf(layout.Executors(true)), 0711u);
  EXPECT_EQ(ModeOf(layout.Executors(false)), 0711u);
  EXPECT_EQ(ModeOf(layout.Shims()), 0711u);
}

TEST(AgentStore, HoldsItsDirectoriesAgainstASecondPlugin) {
  FakeDisk disk;
  auto first = OpenStore(disk);

  const absl::Status second = AgentStore::Open(disk, kLayout).status();

  EXPECT_TRUE(absl::IsFailedPrecondition(second)) << second;
  EXPECT_THAT(std::string(second.message()),
              AllOf(HasSubstr("another holdfastd uses /w"),
                    HasSubstr("/w/lock"), HasSubstr("--work_dir")));
  first.reset();
  EXPECT_TRUE(AgentStore::Open(disk, kLayout).ok());
}

TEST(AgentStore, HoldsTheRuntimeDirectoryToo) {
  FakeDisk disk;
  const auto first = OpenStore(disk);

  const absl::Status second =
      AgentStore::Open(disk, Layout{"/other", "/r"}).status();

  EXPECT_TRUE(absl::IsFailedPrecondition(second)) << second;
  EXPECT_THAT(std::string(second.message()), HasSubstr("/r/lock"));
}

TEST(AgentStore, KnowsNoAgentUntilOneWasSaved) {
  FakeDisk disk;
  const auto store = OpenStore(disk);

  EXPECT_TRUE(absl::IsNotFound(store->LoadAgent().status()));
}

TEST(AgentStore, LoadsTheAgentThatWasSavedLast) {
  FakeDisk disk;
  const auto store = OpenStore(disk);

  ASSERT_TRUE(store->SaveAgent(AnAgent("boot-1")).ok());
  ASSERT_TRUE(store->SaveAgent(AnAgent("boot-2")).ok());

  const absl::StatusOr<v1::AgentRecord> loaded = store->LoadAgent();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->agent().agent_id(), "a-1");
  EXPECT_EQ(loaded->boot_id(), "boot-2");
}

TEST(AgentStore, NamesTheFileAndTheOffsetOfDamage) {
  FakeDisk disk;
  const auto store = OpenStore(disk);
  ASSERT_TRUE(store->SaveAgent(AnAgent("boot-1")).ok());
  std::string content = disk.Content(kLayout.AgentRecord());
  content[content.find("boot-1")] ^= 1;
  disk.SetContent(kLayout.AgentRecord(), content);

  const absl::Status damaged = store->LoadAgent().status();

  EXPECT_TRUE(absl::IsDataLoss(damaged)) << damaged;
  EXPECT_THAT(std::string(damaged.message()),
              AllOf(HasSubstr("/w/meta/agent.record"), HasSubstr("offset 4")));
}

TEST(AgentStore, TakesAnEmptyOrStrangeFileForDamage) {
  FakeDisk disk;
  const auto store = OpenStore(disk);

  for (const char* content : {"", "HFJ", "#!/bin/sh\n"}) {
    disk.SetContent(kLayout.AgentRecord(), content);
    EXPECT_TRUE(absl::IsDataLoss(store->LoadAgent().status())) << content;
  }
}

TEST(AgentStore, RefusesWhatANewerVersionWrote) {
  FakeDisk disk;
  const auto store = OpenStore(disk);
  ASSERT_TRUE(store->SaveAgent(AnAgent("boot-1")).ok());
  std::string content = disk.Content(kLayout.AgentRecord());
  content[3] = 9;
  disk.SetContent(kLayout.AgentRecord(), content);

  const absl::Status newer = store->LoadAgent().status();

  EXPECT_TRUE(absl::IsFailedPrecondition(newer)) << newer;
  EXPECT_THAT(std::string(newer.message()), HasSubstr("agent.record"));
}

TEST(AgentStore, LoadsEveryFrameworkThatWasSaved) {
  FakeDisk disk;
  const auto store = OpenStore(disk);
  ASSERT_TRUE(store->SaveFramework(AFramework("f-1", "one")).ok());
  ASSERT_TRUE(store->SaveFramework(AFramework("f 2", "two")).ok());
  ASSERT_TRUE(store->SaveFramework(AFramework("f-1", "renamed")).ok());

  const auto loaded = store->LoadFrameworks();

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ASSERT_THAT(loaded->records, SizeIs(2));
  EXPECT_EQ(loaded->records[0].framework().name(), "two");
  EXPECT_EQ(loaded->records[1].framework().name(), "renamed");
  EXPECT_THAT(loaded->damaged, IsEmpty());
}

TEST(AgentStore, ListsDamagedFrameworksBesideTheGoodOnes) {
  FakeDisk disk;
  const auto store = OpenStore(disk);
  ASSERT_TRUE(store->SaveFramework(AFramework("f-1", "one")).ok());
  disk.SetContent(kLayout.FrameworkRecord("f-2"), "");
  disk.SetContent(kLayout.FrameworkRecord("f-3"), "strange");

  const auto loaded = store->LoadFrameworks();

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(loaded->records, SizeIs(1));
  ASSERT_THAT(loaded->damaged, SizeIs(2));
  EXPECT_EQ(loaded->damaged[0].path, kLayout.FrameworkRecord("f-2"));
  EXPECT_THAT(std::string(loaded->damaged[0].what.message()),
              HasSubstr("/w/meta/frameworks/f-2.record"));
}

TEST(AgentStore, SetsADamagedFrameworkAsideForGood) {
  FakeDisk disk;
  const auto store = OpenStore(disk);
  disk.SetContent(kLayout.FrameworkRecord("f-1"), "strange");

  const absl::StatusOr<std::string> moved =
      store->QuarantineFramework(kLayout.FrameworkRecord("f-1"));
  disk.DropUnsynced();

  ASSERT_TRUE(moved.ok()) << moved.status();
  EXPECT_EQ(*moved, "/w/quarantine/frameworks/f-1.record");
  EXPECT_EQ(disk.Content(*moved), "strange");
  EXPECT_THAT(store->LoadFrameworks()->damaged, IsEmpty());
}

TEST(AgentStore, SetsADamagedFrameworkAsideOverNoOther) {
  FakeDisk disk;
  const auto store = OpenStore(disk);

  for (const char* content : {"one", "two", "three"}) {
    disk.SetContent(kLayout.FrameworkRecord("f-1"), content);
    ASSERT_TRUE(
        store->QuarantineFramework(kLayout.FrameworkRecord("f-1")).ok());
  }

  const std::string first = "/w/quarantine/frameworks/f-1.record";
  EXPECT_EQ(disk.Content(first), "one");
  EXPECT_EQ(disk.Content(first + ".1"), "two");
  EXPECT_EQ(disk.Content(first + ".2"), "three");
}

TEST(AgentStore, PassesOverAReplacementThatNeverHappened) {
  FakeDisk disk;
  const auto store = OpenStore(disk);
  disk.SetContent(kLayout.FrameworkRecord("f-1") + ".new", "half of on");

  const auto loaded = store->LoadFrameworks();

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(loaded->records, IsEmpty());
  EXPECT_THAT(loaded->damaged, IsEmpty());
}

TEST(AgentStore, SaysWhatKeepsItFromOpening) {
  FakeDisk disk;
  disk.SetContent("/w", "a plain file");

  const absl::Status opened = AgentStore::Open(disk, kLayout).status();

  EXPECT_FALSE(opened.ok());
  EXPECT_THAT(std::string(opened.message()), HasSubstr("/w"));
}

}  // namespace
}  // namespace holdfast
