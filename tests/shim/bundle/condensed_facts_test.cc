#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <random>

#include "absl/strings/str_cat.h"
#include "shim/bundle/executor_facts.h"
#include "tests/shim/bundle/records.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;

ExecutorFacts Replayed(const std::vector<v1::JournalRecord>& records) {
  const auto facts = ExecutorFacts::From(records);
  EXPECT_TRUE(facts.ok()) << facts.status();
  return facts.value_or(ExecutorFacts());
}

template <typename Message>
std::string TextOf(const std::optional<Message>& message) {
  return message ? message->ShortDebugString() : "none";
}

// All of the facts that anyone may still ask for.
std::string Essence(const ExecutorFacts& facts) {
  std::string text =
      absl::StrCat(facts.intent.ShortDebugString(), "\n", TextOf(facts.started),
                   "\n", TextOf(facts.exited), "\n", TextOf(facts.fenced), "\n",
                   TextOf(facts.kill), "\n", TextOf(facts.limits), "\n",
                   facts.last_sequence, " ", facts.attached, "\n");
  for (const TaskFacts& task : facts.tasks) {
    absl::StrAppend(&text, task.info.ShortDebugString(), " ", task.state(),
                    TextOf(task.kill), absl::FormatTime(task.intended_at),
                    "\n");
    if (task.acknowledged > 0) {
      absl::StrAppend(&text, "last acknowledged ",
                      task.updates[task.acknowledged - 1].uuid(), " at ",
                      absl::FormatTime(task.acknowledged_at.back()), "\n");
    }
  }
  for (const v1::JournalRecord& record : facts.history) {
    absl::StrAppend(&text, record.ShortDebugString(), "\n");
  }
  for (const v1::StatusUpdate* update : facts.Unacknowledged()) {
    absl::StrAppend(&text, update->ShortDebugString(), "\n");
  }
  return text;
}

TEST(CondensedFacts, DropAcknowledgedUpdatesButTheLatest) {
  const ExecutorFacts facts = Replayed(
      {IntentRecord(), UpdateRecord(1, "u-1"), AcknowledgedRecord("u-1"),
       UpdateRecord(2, "u-2"), AcknowledgedRecord("u-2"),
       UpdateRecord(3, "u-3"), UpdateRecord(4, "u-4", v1::TASK_FINISHED)});

  const ExecutorFacts condensed = Replayed(facts.Condensed());

  EXPECT_EQ(Essence(condensed), Essence(facts));
  EXPECT_EQ(condensed.FindUpdate("u-1"), nullptr);
  EXPECT_NE(condensed.FindUpdate("u-2"), nullptr);
  EXPECT_THAT(UnacknowledgedUuids(condensed), ElementsAre("u-3", "u-4"));
}

TEST(CondensedFacts, ForgetEndedTasksBeyondTheLastTwoHundred) {
  ExecutorFacts facts = Replayed({IntentRecord()});
  uint64_t sequence = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string task = absl::StrCat("t-1", i);
    const std::string uuid = absl::StrCat("u-", i);
    ASSERT_TRUE(facts.Apply(TaskIntentRecord(task)).ok());
    ASSERT_TRUE(
        facts.Apply(UpdateRecord(++sequence, uuid, v1::TASK_FINISHED, task))
            .ok());
    if (i == 5) continue;  // the one that is not acknowledged
    ASSERT_TRUE(facts.Apply(AcknowledgedRecord(uuid)).ok());
  }

  const ExecutorFacts condensed = Replayed(facts.Condensed());

  EXPECT_NE(condensed.FindTask("t-7"), nullptr);  // the intent's
  EXPECT_NE(condensed.FindTask("t-15"), nullptr);
  EXPECT_EQ(condensed.FindTask("t-199"), nullptr);
  EXPECT_NE(condensed.FindTask("t-1100"), nullptr);
  EXPECT_EQ(condensed.tasks.size(), 202u);
  EXPECT_EQ(condensed.last_sequence, 300u);
  EXPECT_THAT(UnacknowledgedUuids(condensed), ElementsAre("u-5"));
}

v1::JournalRecord LimitsRecord(uint64_t pids) {
  v1::JournalRecord record;
  record.mutable_limits()->mutable_resources()->set_pids(pids);
  return record;
}

TEST(CondensedFacts, KeepTheLatestOfTheHistoryAndNoMore) {
  ExecutorFacts facts = Replayed({IntentRecord(), StartedRecord(7)});
  for (uint64_t i = 1; i <= 1000; ++i) {
    ASSERT_TRUE(facts.Apply(LimitsRecord(i)).ok());
  }

  const ExecutorFacts condensed = Replayed(facts.Condensed());

  ASSERT_EQ(condensed.history.size(), ExecutorFacts::kHistoryKept);
  EXPECT_EQ(condensed.history.back().limits().resources().pids(), 1000u);
  EXPECT_EQ(condensed.history.front().limits().resources().pids(), 969u);
}

TEST(CondensedFacts, KeepWhatHoldsWhenItHasLeftTheHistory) {
  ExecutorFacts facts = Replayed({IntentRecord(), StartedRecord(7)});
  v1::JournalRecord attached;
  attached.mutable_attached();
  ASSERT_TRUE(facts.Apply(attached).ok());
  ASSERT_TRUE(facts.Apply(LimitsRecord(9)).ok());
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(facts.Apply(StartedRecord(7)).ok());  // another shim
  }

  const ExecutorFacts condensed = Replayed(facts.Condensed());

  EXPECT_TRUE(condensed.attached);
  ASSERT_TRUE(condensed.limits.has_value());
  EXPECT_EQ(condensed.limits->resources().pids(), 9u);
  EXPECT_EQ(Essence(Replayed(condensed.Condensed())), Essence(facts));
}

TEST(CondensedFacts, StayAsLargeHoweverOftenTheyAreCondensed) {
  ExecutorFacts facts = Replayed({IntentRecord(), StartedRecord(7)});
  for (uint64_t i = 1; i <= 100; ++i) {
    ASSERT_TRUE(facts.Apply(LimitsRecord(i)).ok());
  }
  const size_t records = facts.Condensed().size();

  for (int i = 0; i < 10; ++i) facts = Replayed(facts.Condensed());

  EXPECT_EQ(facts.Condensed().size(), records);
}

// Any record of a small world; most of them cannot follow.
v1::JournalRecord RandomRecord(std::mt19937& random) {
  const auto any = [&random](unsigned n) { return random() % n; };
  const std::string task = absl::StrCat("t-", 7 + any(3));
  const std::string uuid = absl::StrCat("u-", any(20));
  v1::JournalRecord record;
  switch (any(12)) {
    case 0:
      record = TaskIntentRecord(task);
      record.mutable_task_intent()->mutable_time()->set_seconds(any(100));
      return record;
    case 1:
      return StartedRecord(static_cast<int>(any(2)));
    case 2:
      return any(4) == 0 ? ExitedRecord(1) : KillRecord("");
    case 3:
      return KillRecord(task);
    case 4:
      record.mutable_attached()->mutable_time()->set_seconds(any(100));
      return record;
    case 5:
      record.mutable_detached()->mutable_time()->set_seconds(any(100));
      return record;
    case 6:
      record.mutable_fenced()->mutable_time()->set_seconds(any(100));
      return record;
    case 7:
      record.mutable_limits()->mutable_resources()->set_pids(any(100));
      return record;
    case 8:
    case 9:
      return UpdateRecord(any(40), uuid,
                          any(5) == 0 ? v1::TASK_KILLED : v1::TASK_RUNNING,
                          task);
    default:
      record = AcknowledgedRecord(uuid);
      record.mutable_acknowledged()->mutable_time()->set_seconds(any(100));
      return record;
  }
}

TEST(CondensedFacts, ReplayToTheSameWhateverHappened) {
  std::mt19937 random(20261123);
  for (int round = 0; round < 300; ++round) {
    ExecutorFacts facts = Replayed({IntentRecord()});
    for (int step = 0; step < 150; ++step) {
      const v1::JournalRecord record = RandomRecord(random);
      const bool fits = facts.Check(record).ok();
      const std::string before = Essence(facts);

      EXPECT_EQ(facts.Apply(record).ok(), fits);

      ASSERT_TRUE(fits || Essence(facts) == before);
    }

    const ExecutorFacts condensed = Replayed(facts.Condensed());

    ASSERT_EQ(Essence(condensed), Essence(facts)) << "round " << round;
  }
}

}  // namespace
}  // namespace holdfast
