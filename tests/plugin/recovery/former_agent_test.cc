#include "plugin/recovery/former_agent.h"

#include <gtest/gtest.h>

#include "api/time_convert.h"
#include "plugin/checkpoint/spare_directory.h"
#include "shim/bundle/executor_journal.h"
#include "shim/records/journal.h"
#include "tests/fakes/fake_disk.h"
#include "tests/shim/bundle/records.h"

namespace holdfast {
namespace {

constexpr char kBoot[] = "boot-1";

class FormerAgentTest : public testing::Test {
 protected:
  FormerAgentTest() {
    EXPECT_TRUE(disk_.MakeDirectory(layout_.Executors(true), 0700).ok());
    EXPECT_TRUE(disk_.MakeDirectory(layout_.Executors(false), 0700).ok());
  }

  // An executor of agent `agent_id`, launched `after` the others' beginning.
  void MakeExecutor(const std::string& id,
                    const std::vector<v1::JournalRecord>& records,
                    const std::string& agent_id = "a-1",
                    absl::Duration after = absl::ZeroDuration()) {
    ASSERT_TRUE(disk_.MakeDirectory(layout_.Executor(id, true), 0700).ok());
    v1::Intent intent = AnIntent();
    intent.set_container_id(id);
    intent.set_agent_id(agent_id);
    intent.set_boot_id(kBoot);
    *intent.mutable_time() = ToProto(absl::FromUnixSeconds(1000) + after);
    auto journal =
        ExecutorJournal::Create(disk_, layout_.Journal(id, true), intent);
    ASSERT_TRUE(journal.ok()) << journal.status();
    for (const v1::JournalRecord& record : records) {
      ASSERT_TRUE(journal->Record(record).ok());
    }
  }
  static v1::JournalRecord StartedIn(const std::string& boot_id) {
    v1::JournalRecord started = StartedRecord(7);
    started.mutable_started()->set_boot_id(boot_id);
    return started;
  }
  bool MayAnyLive() { return MayAnyExecutorLive(disk_, layout_, kBoot); }

  const Layout layout_ = {.work_dir = "/w", .runtime_dir = "/r"};
  FakeDisk disk_;
};

TEST_F(FormerAgentTest, HasNothingWhereThereIsNothing) {
  EXPECT_FALSE(MayAnyLive());
  EXPECT_EQ(AgentIdOfExecutors(disk_, layout_), "");
  EXPECT_FALSE(HasCheckpoint(disk_, layout_));
  FakeDisk empty;
  EXPECT_FALSE(HasCheckpoint(empty, layout_));
}

TEST_F(FormerAgentTest, HasACheckpointInItsRecordOrInAnExecutor) {
  MakeExecutor("c-1", {});
  FakeDisk other;
  other.SetContent(layout_.AgentRecord(), "whatever it holds");

  EXPECT_TRUE(HasCheckpoint(disk_, layout_));
  EXPECT_TRUE(HasCheckpoint(other, layout_));
}

TEST_F(FormerAgentTest, KnowsThatWhatHasEndedDoesNotLive) {
  MakeExecutor("c-1", {StartedIn(kBoot), ExitedRecord(0)});
  MakeExecutor("c-2", {StartedIn("boot-0")});
  EXPECT_FALSE(MayAnyLive());

  MakeExecutor("c-3", {StartedIn(kBoot)});

  EXPECT_TRUE(MayAnyLive());
}

TEST_F(FormerAgentTest, HoldsALaunchThatIsUnderWayForAlive) {
  MakeExecutor("c-1", {});

  EXPECT_TRUE(MayAnyLive());
}

// A power cut may have taken the name that its launch had given it.
TEST_F(FormerAgentTest, CountsALaunchThatHasLostItsName) {
  MakeExecutor(SpareName("c-1"), {StartedIn(kBoot)}, "a-7");

  EXPECT_TRUE(MayAnyLive());
  EXPECT_EQ(AgentIdOfExecutors(disk_, layout_), "a-7");
  EXPECT_TRUE(HasCheckpoint(disk_, layout_));
}

TEST_F(FormerAgentTest, CountsNothingThatWasMadeAheadAlone) {
  const std::string path = SparePath(layout_, "c-1");
  ASSERT_TRUE(disk_.MakeDirectory(path, 0700).ok());
  ASSERT_TRUE(Journal::Put(disk_, path + "/journal", {}).ok());

  EXPECT_FALSE(MayAnyLive());
  EXPECT_FALSE(HasCheckpoint(disk_, layout_));
}

TEST_F(FormerAgentTest, HoldsWhatItCannotReadForAlive) {
  MakeExecutor("c-1", {StartedIn(kBoot), ExitedRecord(0)});
  disk_.SetContent(layout_.Journal("c-1", true), "HFJ, but no journal");

  EXPECT_TRUE(MayAnyLive());
}

TEST_F(FormerAgentTest, IsWhoseNewestExecutorItWas) {
  MakeExecutor("c-1", {}, "a-1");
  MakeExecutor("c-2", {}, "a-2", absl::Hours(1));
  MakeExecutor("c-3", {}, "a-1", absl::Minutes(1));

  EXPECT_EQ(AgentIdOfExecutors(disk_, layout_), "a-2");
}

TEST_F(FormerAgentTest, IsNotReadFromADamagedJournal) {
  MakeExecutor("c-1", {}, "a-1");
  MakeExecutor("c-2", {}, "a-2", absl::Hours(1));
  std::string journal = disk_.Content(layout_.Journal("c-2", true));
  journal[30] = static_cast<char>(journal[30] ^ 1);
  disk_.SetContent(layout_.Journal("c-2", true), journal);

  EXPECT_EQ(AgentIdOfExecutors(disk_, layout_), "a-1");
}

TEST_F(FormerAgentTest, IsReadFromALaunchInADirectoryThatWasMadeAhead) {
  MakeExecutor(SpareName("c-1"), {StartedIn(kBoot)}, "a-1");

  EXPECT_EQ(AgentIdOfExecutors(disk_, layout_), "a-1");
  EXPECT_TRUE(MayAnyLive());
  EXPECT_TRUE(HasCheckpoint(disk_, layout_));
}

TEST_F(FormerAgentTest, LeavesNothingInDirectoriesThatWereMadeAheadOnly) {
  const std::string spare = SparePath(layout_, "c-1");
  ASSERT_TRUE(disk_.MakeDirectory(spare, 0700).ok());
  ASSERT_TRUE(Journal::Put(disk_, spare + "/journal", {}).ok());

  EXPECT_EQ(AgentIdOfExecutors(disk_, layout_), "");
  EXPECT_FALSE(MayAnyLive());
  EXPECT_FALSE(HasCheckpoint(disk_, layout_));
}

}  // namespace
}  // namespace holdfast
