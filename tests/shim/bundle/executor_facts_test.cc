#include "shim/bundle/executor_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/shim/bundle/records.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Records = std::vector<v1::JournalRecord>;

ExecutorFacts FactsOf(const Records& records) {
  const auto facts = ExecutorFacts::From(records);
  EXPECT_TRUE(facts.ok()) << facts.status();
  return facts.value_or(ExecutorFacts());
}

TEST(ExecutorFacts, TellsATaskFromIntentToAcknowledgedEnd) {
  const ExecutorFacts facts = FactsOf(
      {IntentRecord(), StartedRecord(4711), UpdateRecord(1, "u-1"),
       AcknowledgedRecord("u-1"), ExitedRecord(3),
       UpdateRecord(2, "u-2", v1::TASK_FAILED), AcknowledgedRecord("u-2")});

  EXPECT_EQ(facts.intent.container_id(), "c-7");
  EXPECT_EQ(facts.started->pid(), 4711);
  EXPECT_EQ(facts.exited->exit_code(), 3);
  EXPECT_EQ(facts.FindTask("t-7")->state(), v1::TASK_FAILED);
  EXPECT_EQ(facts.last_sequence, 2u);
  EXPECT_TRUE(facts.AllTasksTerminal());
  EXPECT_TRUE(facts.AllAcknowledged());
}

TEST(ExecutorFacts, IsStagingUntilThereIsAnUpdate) {
  const ExecutorFacts facts = FactsOf({IntentRecord(), StartedRecord(1)});

  EXPECT_EQ(facts.FindTask("t-7")->state(), v1::TASK_STAGING);
  EXPECT_FALSE(facts.AllTasksTerminal());
  EXPECT_THAT(facts.Unacknowledged(), IsEmpty());
}

TEST(ExecutorFacts, GivesWhatIsUnacknowledgedInTheOrderOfSequences) {
  const ExecutorFacts facts = FactsOf(
      {IntentRecord(), TaskIntentRecord("t-8"), UpdateRecord(1, "u-1"),
       UpdateRecord(2, "u-2", v1::TASK_RUNNING, "t-8"),
       UpdateRecord(3, "u-3", v1::TASK_FINISHED), AcknowledgedRecord("u-1"),
       UpdateRecord(5, "u-5", v1::TASK_FINISHED, "t-8")});

  EXPECT_THAT(UnacknowledgedUuids(facts), ElementsAre("u-2", "u-3", "u-5"));
  EXPECT_FALSE(facts.AllAcknowledged());
}

TEST(ExecutorFacts, KnowEachUpdateAndWhetherItIsAcknowledged) {
  const ExecutorFacts facts =
      FactsOf({IntentRecord(), TaskIntentRecord("t-8"), UpdateRecord(1, "u-1"),
               UpdateRecord(2, "u-2", v1::TASK_RUNNING, "t-8"),
               UpdateRecord(3, "u-3"), AcknowledgedRecord("u-1")});

  EXPECT_EQ(facts.FindUpdate("u-1")->sequence(), 1u);
  EXPECT_EQ(facts.FindUpdate("u-2")->sequence(), 2u);
  EXPECT_EQ(facts.FindUpdate("u-3")->sequence(), 3u);
  EXPECT_EQ(facts.FindUpdate("u-4"), nullptr);
  EXPECT_TRUE(facts.IsAcknowledged("u-1"));
  for (const char* uuid : {"u-2", "u-3", "u-4"})
    EXPECT_FALSE(facts.IsAcknowledged(uuid)) << uuid;
  EXPECT_EQ(facts.OldestUnacknowledged()->uuid(), "u-2");
}

TEST(ExecutorFacts, HaveNoOldestWhereAllAreAcknowledged) {
  EXPECT_EQ(FactsOf({IntentRecord(), UpdateRecord(1, "u-1"),
                     AcknowledgedRecord("u-1")})
                .OldestUnacknowledged(),
            nullptr);
}

TEST(ExecutorFacts, KeepsTheLatestOfWhatMayComeAgain) {
  v1::JournalRecord detached, attached, limits;
  detached.mutable_detached();
  attached.mutable_attached();
  limits.mutable_limits()->mutable_resources()->set_pids(9);

  ExecutorFacts facts =
      FactsOf({IntentRecord(), attached, limits, KillRecord("t-7"),
               KillRecord(""), StartedRecord(7), StartedRecord(7)});

  EXPECT_TRUE(facts.attached);
  EXPECT_EQ(facts.limits->resources().pids(), 9u);
  EXPECT_TRUE(facts.kill.has_value());
  EXPECT_TRUE(facts.FindTask("t-7")->kill.has_value());
  ASSERT_TRUE(facts.Apply(detached).ok());
  EXPECT_FALSE(facts.attached);
}

TEST(ExecutorFacts, KeepTheFirstStartWhenAnotherShimTakesOver) {
  v1::JournalRecord first = StartedRecord(7), again = StartedRecord(7);
  first.mutable_started()->mutable_time()->set_seconds(1);
  again.mutable_started()->mutable_time()->set_seconds(2);
  again.mutable_started()->set_shim_pid(8);

  const ExecutorFacts facts = FactsOf({IntentRecord(), first, again});

  EXPECT_EQ(facts.started->time().seconds(), 1);
  ASSERT_EQ(facts.history.size(), 1u);
  EXPECT_EQ(facts.history[0].started().shim_pid(), 8);
}

struct Impossible {
  std::string name;
  Records before;
  v1::JournalRecord record;
};

class ImpossibleRecord : public ::testing::TestWithParam<Impossible> {};

TEST_P(ImpossibleRecord, IsDataLossAndChangesNothing) {
  ExecutorFacts facts = FactsOf(GetParam().before);
  const size_t tasks = facts.tasks.size();
  const std::vector<std::string> unacknowledged = UnacknowledgedUuids(facts);
  const uint64_t sequence = facts.last_sequence;

  const absl::Status checked = facts.Check(GetParam().record);
  const absl::Status applied = facts.Apply(GetParam().record);

  EXPECT_TRUE(absl::IsDataLoss(applied)) << applied;
  EXPECT_EQ(checked, applied);
  EXPECT_EQ(facts.tasks.size(), tasks);
  EXPECT_EQ(UnacknowledgedUuids(facts), unacknowledged);
  EXPECT_EQ(facts.last_sequence, sequence);
}

v1::JournalRecord IntentWithoutContainer() {
  v1::JournalRecord record;
  record.mutable_intent()->mutable_task()->set_task_id("t-7");
  return record;
}

const Records kBegun = {IntentRecord()};
const Records kRunning = {IntentRecord(), StartedRecord(1),
                          UpdateRecord(1, "u-1"), UpdateRecord(2, "u-2")};
const Records kEnded = {IntentRecord(), StartedRecord(1), ExitedRecord(0),
                        UpdateRecord(1, "u-1", v1::TASK_FINISHED)};

INSTANTIATE_TEST_SUITE_P(
    Each, ImpossibleRecord,
    ::testing::Values(
        Impossible{"BeforeTheIntent", {}, StartedRecord(1)},
        Impossible{"IntentOfNothing", {}, IntentWithoutContainer()},
        Impossible{"SecondIntent", kBegun, IntentRecord()},
        Impossible{"SecondIntentOfATask", kBegun, TaskIntentRecord("t-7")},
        Impossible{"AnotherProcess", kRunning, StartedRecord(2)},
        Impossible{"StartAfterExit", kEnded, StartedRecord(1)},
        Impossible{"SecondExit", kEnded, ExitedRecord(0)},
        Impossible{"UpdateOfAnUnknownTask", kBegun,
                   UpdateRecord(1, "u-1", v1::TASK_RUNNING, "t-9")},
        Impossible{"UpdateAfterTheTerminalOne", kEnded, UpdateRecord(2, "u-2")},
        Impossible{"UpdateWithoutUuid", kBegun, UpdateRecord(1, "")},
        Impossible{"UpdateWithoutSequence", kBegun, UpdateRecord(0, "u-1")},
        Impossible{"SequenceThatStands", kRunning, UpdateRecord(2, "u-3")},
        Impossible{"SecondUpdateOfItsUuid", kRunning, UpdateRecord(3, "u-2")},
        Impossible{"AcknowledgedOutOfOrder", kRunning,
                   AcknowledgedRecord("u-2")},
        Impossible{"AcknowledgedOfNothing", kRunning,
                   AcknowledgedRecord("u-9")},
        Impossible{"KillOfAnUnknownTask", kRunning, KillRecord("t-9")},
        Impossible{"RecordOfNoKind", kBegun, v1::JournalRecord()}),
    [](const auto& impossible) { return impossible.param.name; });

}  // namespace
}  // namespace holdfast
