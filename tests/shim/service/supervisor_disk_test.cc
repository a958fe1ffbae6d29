#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/shim/service/supervisor_fixture.h"

// A disk that refuses what the supervisor writes down.

namespace holdfast::shim {
namespace {

constexpr char kWaits[] = "until [ -e go ]; do sleep 0.02; done; exit 7";

class SupervisorDiskTest : public SupervisorTest {
 protected:
  void SetUp() override {
    SupervisorTest::SetUp();
    files_ = &disk_;
  }
  // The next `count` operations fail.
  void RefuseNext(int count) {
    for (int i = 0; i < count; ++i) {
      disk_.FailAt(disk_.operations() + i, absl::InternalError("I/O error"));
    }
  }
  ExecutorFacts OnDisk() {
    absl::StatusOr<ExecutorFacts> facts =
        ExecutorJournal::Peek(disk_, JournalPath());
    EXPECT_TRUE(facts.ok()) << facts.status();
    return facts.value_or(ExecutorFacts());
  }
  bool GroupIsEmpty() {
    const absl::StatusOr<bool> any = cgroups_->HasProcesses(id_);
    return any.ok() && !*any;
  }

  FakeDisk disk_;
};
INSTANTIATE_TEST_SUITE_P(Modes, SupervisorDiskTest, kAllModes, ModeName);

TEST_P(SupervisorDiskTest, LetsNothingRunThatItCouldNotWriteDown) {
  // What making the journal takes, with another one of the same kind.
  ASSERT_TRUE(ExecutorJournal::Create(disk_, "/other", Command("")).ok());
  const int before_started = disk_.operations() * 2;
  disk_.FailAt(before_started, absl::InternalError("I/O error"));

  const absl::Status started = Start(Command("exec sleep 1000"));

  EXPECT_TRUE(absl::IsInternal(started)) << started;
  EXPECT_TRUE(RunUntil([this] { return GroupIsEmpty(); }));
  EXPECT_FALSE(OnDisk().started.has_value());
}

TEST_P(SupervisorDiskTest, KeepsTheEndUntilTheDiskTakesIt) {
  ASSERT_TRUE(Start(Command(kWaits)).ok());
  RefuseNext(4);

  LetGo();
  ASSERT_TRUE(RunUntil([this] {
    return supervisor_->phase() == Phase::kReaping && GroupIsEmpty();
  }));
  RunUntilQuiet();
  EXPECT_EQ(over_, 0);
  EXPECT_FALSE(facts().exited.has_value());
  for (int i = 0; i < 10 && over_ == 0; ++i) Jump(absl::Seconds(1));

  EXPECT_EQ(over_, 1);
  EXPECT_EQ(OnDisk().exited->exit_code(), 7);
  EXPECT_EQ(OnDisk().tasks[0].updates.back().status().state(), v1::TASK_FAILED);
}

TEST_P(SupervisorDiskTest, RecordsTheEndOnceThoughItsFirstTryTookEffect) {
  ASSERT_TRUE(Start(Command(kWaits)).ok());
  // The write reaches the disk, and its writer is told that it failed.
  const std::string before = disk_.Content(JournalPath());
  disk_.DieAt(disk_.operations(), {.first = Tear::kAll});

  LetGo();
  ASSERT_TRUE(RunUntil([&] { return disk_.Content(JournalPath()) != before; }));
  EXPECT_EQ(over_, 0);

  disk_.RestartProcess();
  supervisor_.reset();
  const ExecutorFacts facts = OnDisk();
  EXPECT_EQ(facts.exited->exit_code(), 7);
  EXPECT_EQ(facts.tasks[0].updates.size(), 2u);
}

TEST_P(SupervisorDiskTest, MakesAFailedWriteAnErrorOfOneCall) {
  ASSERT_TRUE(Start(Command("exec sleep 1000")).ok());
  const std::string running = facts().tasks[0].updates[0].uuid();
  RefuseNext(1);

  EXPECT_TRUE(absl::IsInternal(supervisor_->Acknowledge(running)));
  EXPECT_EQ(facts().tasks[0].acknowledged, 0u);

  EXPECT_TRUE(supervisor_->Acknowledge(running).ok());
  EXPECT_TRUE(ConfigureTimeout(absl::Seconds(1)).ok());
  EXPECT_EQ(OnDisk().tasks[0].acknowledged, 1u);
}

TEST_P(SupervisorDiskTest, KillsNobodyWhereTheKillIsNotWrittenDown) {
  ASSERT_TRUE(Start(Command("exec sleep 1000")).ok());
  RefuseNext(1);

  const absl::Status refused = supervisor_->Kill(KillOf("t-7"));

  EXPECT_TRUE(absl::IsInternal(refused)) << refused;
  EXPECT_EQ(supervisor_->phase(), Phase::kRunning);
  EXPECT_EQ(CountRecords(v1::JournalRecord::kKillRequested), 0);
  EXPECT_TRUE(supervisor_->Kill(KillOf("t-7")).ok()) << "asked once more";
  EXPECT_TRUE(RunUntilOver());
}

TEST_P(SupervisorDiskTest, LetsTheFenceFallAllTheSame) {
  ASSERT_TRUE(Start(Command("exec sleep 1000")).ok());
  RefuseNext(1);

  Jump(absl::Minutes(15));
  for (int i = 0; i < 10 && over_ == 0; ++i) {
    RunUntil([this] { return GroupIsEmpty(); });
    Jump(absl::Seconds(1));
  }

  EXPECT_EQ(over_, 1);
  EXPECT_EQ(OnDisk().exited->signal(), SIGTERM);
  EXPECT_EQ(LastStatus().reason(), v1::REASON_RECOVERY_TIMEOUT)
      << "the orchestrator is told why, whatever the disk did";
}

TEST_P(SupervisorDiskTest, GoesOnWhereTheTimelineIsNotWritten) {
  ASSERT_TRUE(Start(Command(kWaits)).ok());
  supervisor_->AgentAttached("life-1");
  RefuseNext(1);

  supervisor_->AgentLost();
  supervisor_->AgentAttached("life-2");
  LetGo();

  ASSERT_TRUE(RunUntilOver());
  EXPECT_EQ(OnDisk().exited->exit_code(), 7);
}

}  // namespace
}  // namespace holdfast::shim
