#include "plugin/identity/start_record.h"

#include "plugin/identity/reconfiguration.h"
#include "tests/plugin/recovery/checkpoint_fixture.h"

namespace holdfast {
namespace {

class StartRecordTest : public CheckpointTest {
 protected:
  StartRecord Start(const std::string& boot_id = kThisBoot) {
    StartInfo start;
    start.boot_id = boot_id;
    start.now = absl::FromUnixSeconds(100);
    auto record = ReadStartRecord(SystemFiles(), store_, start);
    EXPECT_TRUE(record.ok()) << record.status();
    return *std::move(record);
  }
  void Keep(const StartRecord& record) {
    KeepRecord(SystemFiles(), store_, record);
  }
  v1::AgentRecord OnDisk() {
    return store_.LoadAgent().value_or(v1::AgentRecord());
  }
  void Retire() {
    v1::AgentRecord record = OnDisk();
    record.set_retired(true);
    record.mutable_drain()->set_mark_gone(true);
    ASSERT_TRUE(store_.SaveAgent(record).ok());
  }

  AgentStore store_ = AgentStore::ForReading(SystemFiles(), layout_);
};

TEST_F(StartRecordTest, IsTheSameAgainAndNotWrittenWhereNothingChanged) {
  const StartRecord record = Start();
  ASSERT_TRUE(RemoveTree(layout_.AgentRecord()).ok());

  Keep(record);

  EXPECT_EQ(record.today.SerializeAsString(),
            record.loaded->SerializeAsString());
  EXPECT_FALSE(IsThere(layout_.AgentRecord()));
}

TEST_F(StartRecordTest, IsOnDiskAsItIsInMemoryOnceItIsKept) {
  const std::string before = Read(layout_.AgentRecord());

  const StartRecord record = Start("boot-2");
  EXPECT_EQ(Read(layout_.AgentRecord()), before) << "strict may yet refuse";
  Keep(record);

  EXPECT_EQ(record.today.agent().agent_id(), "a-1");
  EXPECT_EQ(record.today.boot_id(), "boot-2");
  EXPECT_EQ(OnDisk().SerializeAsString(), record.today.SerializeAsString());
}

TEST_F(StartRecordTest, IsMadeAnewFromTheJournalsAndTheDamagedOneSetAside) {
  MakeExecutor("c-1", {}, "a-7");
  Flip(layout_.AgentRecord(), 10);
  const std::string damaged = Read(layout_.AgentRecord());

  const StartRecord record = Start();
  EXPECT_TRUE(absl::IsDataLoss(record.loaded.status()));
  EXPECT_EQ(Read(layout_.AgentRecord()), damaged);
  Keep(record);

  EXPECT_EQ(OnDisk().agent().agent_id(), "a-7");
  EXPECT_EQ(Read(layout_.Quarantine() + "/agent.record"), damaged);
}

TEST_F(StartRecordTest, StaysTheFormerAgentsWhileAnExecutorOfItMayLive) {
  Retire();
  MakeExecutor("c-1", {StartedIn(kThisBoot)});

  EXPECT_EQ(Start().today.agent().agent_id(), "a-1");
  EXPECT_TRUE(Start().today.retired());
}

TEST_F(StartRecordTest, IsAnotherAgentsOnceNothingOfTheFormerLives) {
  Retire();

  const v1::AgentRecord today = Start().today;

  EXPECT_NE(today.agent().agent_id(), "a-1");
  EXPECT_FALSE(today.agent().agent_id().empty());
  EXPECT_FALSE(today.retired());
  EXPECT_FALSE(today.has_drain());
}

TEST_F(StartRecordTest, RefusesAnInfoThatThePolicyDoesNotAllow) {
  StartInfo start;
  start.boot_id = kThisBoot;
  start.policy = ReconfigurationPolicy::kAny;
  start.info.set_hostname("a");
  Keep(*ReadStartRecord(SystemFiles(), store_, start));
  const std::string before = Read(layout_.AgentRecord());
  start.policy = ReconfigurationPolicy::kEqual;
  start.info.set_hostname("b");

  const auto refused = ReadStartRecord(SystemFiles(), store_, start);

  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status())) << refused.status();
  EXPECT_EQ(Read(layout_.AgentRecord()), before);
}

}  // namespace
}  // namespace holdfast
