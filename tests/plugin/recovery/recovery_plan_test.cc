#include "plugin/recovery/recovery_plan.h"

#include <map>

#include "gmock/gmock.h"
#include "plugin/checkpoint/spare_directory.h"
#include "tests/plugin/recovery/checkpoint_fixture.h"
#include "tests/plugin/recovery/listening_shim.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using Report = v1::GetRecoveryResponse;

class RecoveryPlan : public CheckpointTest {
 protected:
  Report Plan(bool strict = true,
              RecoverMode recover = RecoverMode::kReconnect) {
    PlanOptions options;
    options.recover = recover;
    options.strict = strict;
    options.boot_id = kThisBoot;
    options.patience = absl::Milliseconds(50);
    const auto plan = PlanRecovery(SystemFiles(), layout_, options);
    EXPECT_TRUE(plan.ok()) << plan.status();
    return plan.value_or(Report());
  }
  // Container → "DECISION REASON".
  static std::map<std::string, std::string> Decisions(const Report& plan) {
    std::map<std::string, std::string> decisions;
    for (const Report::Executor& row : plan.executors()) {
      decisions[row.container_id()] = absl::StrCat(
          Report::Decision_Name(row.decision()), " ", row.reason());
    }
    return decisions;
  }
  ListeningShim MakeShim(const std::string& id, bool awake) {
    EXPECT_EQ(mkdir(layout_.Shim(id).c_str(), 0700), 0);
    return ListeningShim(layout_.ShimSocket(id), awake);
  }
};

TEST_F(RecoveryPlan, TellsOfEachWhatAStartWouldDecide) {
  const ExecutorJournal living = MakeExecutor("c-1", {StartedIn(kThisBoot)});
  const ListeningShim shim = MakeShim("c-1", /*awake=*/true);
  const ExecutorJournal hung = MakeExecutor("c-2", {StartedIn(kThisBoot)});
  const ListeningShim hung_shim = MakeShim("c-2", /*awake=*/false);
  MakeExecutor("c-3", {StartedIn(kThisBoot), ExitedRecord(0)});
  MakeExecutor("c-4");
  MakeExecutor("c-5", {StartedIn("boot-0")});
  MakeExecutor("c-6", {StartedIn(kThisBoot)});
  MakeExecutor("c-7", {}, "a-1", absl::UnixEpoch(), /*checkpoint=*/false);
  const ExecutorJournal foreign =
      MakeExecutor("c-8", {StartedIn(kThisBoot)}, "another agent");
  const ListeningShim foreign_shim = MakeShim("c-8", /*awake=*/true);
  ASSERT_EQ(mkdir(layout_.Executor("c-9", true).c_str(), 0700), 0);

  EXPECT_THAT(Decisions(Plan()),
              ElementsAre(Pair("c-1", "REATTACHED SHIM_ALIVE"),
                          Pair("c-2", "UNATTACHED NO_ANSWER"),
                          Pair("c-3", "ENDED_WHILE_AWAY EXIT_RECORDED"),
                          Pair("c-4", "ROLLED_BACK NEVER_STARTED"),
                          Pair("c-5", "AGENT_REBOOTED BOOT_ID_DIFFERS"),
                          Pair("c-6", "ADOPTED SHIM_DIED"),
                          Pair("c-7", "CLEANED_UP CHECKPOINT_FALSE"),
                          Pair("c-8", "UNATTACHED SHIM_REFUSES"),
                          Pair("c-9", "ROLLED_BACK NO_INTENT")));
}

TEST_F(RecoveryPlan, TellsWhomACleanupWouldEnd) {
  const ExecutorJournal living = MakeExecutor("c-1", {StartedIn(kThisBoot)});
  const ListeningShim shim = MakeShim("c-1", /*awake=*/true);
  const ExecutorJournal hung = MakeExecutor("c-2", {StartedIn(kThisBoot)});
  const ListeningShim hung_shim = MakeShim("c-2", /*awake=*/false);
  MakeExecutor("c-3", {StartedIn(kThisBoot), ExitedRecord(0)});
  MakeExecutor("c-4", {StartedIn(kThisBoot)});
  const ExecutorJournal foreign =
      MakeExecutor("c-5", {StartedIn(kThisBoot)}, "another agent");
  const ListeningShim foreign_shim = MakeShim("c-5", /*awake=*/false);

  const Report plan = Plan(/*strict=*/true, RecoverMode::kCleanup);

  EXPECT_EQ(plan.mode(), "cleanup");
  EXPECT_THAT(Decisions(plan),
              ElementsAre(Pair("c-1", "ENDED_BY_CLEANUP RECOVER_CLEANUP"),
                          Pair("c-2", "ENDED_BY_CLEANUP RECOVER_CLEANUP"),
                          Pair("c-3", "ENDED_WHILE_AWAY EXIT_RECORDED"),
                          Pair("c-4", "ENDED_BY_CLEANUP RECOVER_CLEANUP"),
                          Pair("c-5", "UNATTACHED NO_ANSWER")));
}

TEST_F(RecoveryPlan, KnowsALaunchInADirectoryThatWasMadeAhead) {
  MakeExecutor("c-1", {StartedIn(kThisBoot)});
  // As a power cut leaves it: neither of its names is on the disk.
  ASSERT_EQ(rename(layout_.Executor("c-1", true).c_str(),
                   SparePath(layout_, "s-1").c_str()),
            0);
  ASSERT_EQ(mkdir(SparePath(layout_, "s-2").c_str(), 0700), 0);

  EXPECT_THAT(Decisions(Plan()), ElementsAre(Pair("c-1", "ADOPTED SHIM_DIED")));
}

TEST_F(RecoveryPlan, SaysThatStrictRefusesAndListsAllDamage) {
  MakeExecutor("c-1", {StartedIn(kThisBoot)});
  MakeExecutor("c-2", {StartedIn(kThisBoot)});
  Flip(layout_.Journal("c-1", true), 30);
  Flip(layout_.AgentRecord(), 10);

  const Report plan = Plan(/*strict=*/true);

  EXPECT_FALSE(plan.complete());
  ASSERT_EQ(plan.damage_size(), 2);
  EXPECT_EQ(plan.damage(0).file(), layout_.AgentRecord());
  EXPECT_EQ(plan.damage(1).file(), layout_.Journal("c-1", true));
  EXPECT_THAT(Decisions(plan),
              ElementsAre(Pair("c-1", "PENDING STRICT_REFUSES"),
                          Pair("c-2", "PENDING STRICT_REFUSES")));
}

TEST_F(RecoveryPlan, WithoutStrictQuarantinesTheDamagedOneAlone) {
  MakeExecutor("c-1", {StartedIn(kThisBoot)});
  MakeExecutor("c-2", {StartedIn(kThisBoot), ExitedRecord(0)});
  const ExecutorJournal living = MakeExecutor("c-3", {StartedIn(kThisBoot)});
  const ListeningShim shim = MakeShim("c-3", /*awake=*/true);
  Flip(layout_.Journal("c-1", true), 30);
  Flip(layout_.Journal("c-3", true), 30);

  const Report plan = Plan(/*strict=*/false);

  EXPECT_TRUE(plan.complete());
  EXPECT_EQ(plan.damage_size(), 2);
  EXPECT_THAT(
      Decisions(plan),
      ElementsAre(Pair("c-1", "QUARANTINED JOURNAL_DAMAGED"),
                  Pair("c-2", "ENDED_WHILE_AWAY EXIT_RECORDED"),
                  Pair("c-3", "REATTACHED JOURNAL_DAMAGED_SHIM_ALIVE")));
  ASSERT_EQ(plan.totals_size(), 3);
  EXPECT_EQ(plan.totals(2).count(), 1u);
}

TEST_F(RecoveryPlan, RebuildsTheAgentsIdAsAStartWould) {
  const ExecutorJournal living = MakeExecutor("c-1", {StartedIn(kThisBoot)});
  const ListeningShim shim = MakeShim("c-1", /*awake=*/true);
  ASSERT_EQ(unlink(layout_.AgentRecord().c_str()), 0);

  EXPECT_THAT(Decisions(Plan()),
              ElementsAre(Pair("c-1", "REATTACHED SHIM_ALIVE")));
}

TEST_F(RecoveryPlan, ChangesNothing) {
  MakeExecutor("c-1", {StartedIn(kThisBoot)});
  Flip(layout_.Journal("c-1", true), 30);
  const std::string before = Read(layout_.Journal("c-1", true));
  const std::string record = Read(layout_.AgentRecord());

  Plan(true);
  Plan(false);

  EXPECT_EQ(Read(layout_.Journal("c-1", true)), before);
  EXPECT_EQ(Read(layout_.AgentRecord()), record);
  EXPECT_FALSE(IsThere(layout_.Quarantine()));
}

TEST_F(RecoveryPlan, NamesAWorkDirThatIsNotThere) {
  const auto plan = PlanRecovery(
      SystemFiles(), {directory_ / "nowhere", directory_ / "run"}, {});

  EXPECT_TRUE(absl::IsNotFound(plan.status()));
  EXPECT_THAT(std::string(plan.status().message()), HasSubstr("nowhere"));
}

}  // namespace
}  // namespace holdfast
