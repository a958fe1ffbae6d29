#include "plugin/rows/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "api/time_convert.h"

namespace holdfast {
namespace {

using testing::ElementsAre;

absl::Time At(int second) { return absl::FromUnixSeconds(second); }

class TimelineTest : public testing::Test {
 protected:
  void SetUp() override {
    v1::JournalRecord record;
    record.mutable_intent()->set_container_id("c-7");
    record.mutable_intent()->set_executor_id("e-7");
    record.mutable_intent()->set_checkpoint(true);
    *record.mutable_intent()->mutable_recovery_timeout() =
        ToProto(absl::Minutes(15));
    record.mutable_intent()->mutable_task()->set_task_id("t-7");
    *record.mutable_intent()->mutable_time() = ToProto(At(1));
    Apply(record);
  }

  void Apply(const v1::JournalRecord& record) {
    const absl::Status applied = facts_.Apply(record);
    ASSERT_TRUE(applied.ok()) << applied;
  }
  void Start(int second, int shim_pid) {
    v1::JournalRecord record;
    record.mutable_started()->set_pid(7);
    record.mutable_started()->set_shim_pid(shim_pid);
    *record.mutable_started()->mutable_time() = ToProto(At(second));
    Apply(record);
  }
  void Detach(int second) {
    v1::JournalRecord record;
    *record.mutable_detached()->mutable_time() = ToProto(At(second));
    Apply(record);
  }
  void Change(int second, const v1::Limits& limits) {
    v1::JournalRecord record;
    *record.mutable_limits() = limits;
    *record.mutable_limits()->mutable_time() = ToProto(At(second));
    Apply(record);
  }
  void Update(int second, const std::string& uuid, v1::TaskState state) {
    v1::JournalRecord record;
    v1::StatusUpdate& update = *record.mutable_update();
    update.set_uuid(uuid);
    update.set_sequence(static_cast<uint64_t>(second));
    update.mutable_status()->set_task_id("t-7");
    update.mutable_status()->set_state(state);
    *update.mutable_status()->mutable_timestamp() = ToProto(At(second));
    Apply(record);
  }
  void Acknowledge(const std::string& uuid, absl::Time time) {
    v1::JournalRecord record;
    record.mutable_acknowledged()->set_uuid(uuid);
    if (time != absl::InfinitePast()) {
      *record.mutable_acknowledged()->mutable_time() = ToProto(time);
    }
    Apply(record);
  }

  // "SECOND KIND" or "SECOND KIND: message", "- KIND" without a time.
  std::vector<std::string> Told(absl::Time delivered = absl::InfinitePast()) {
    std::vector<std::string> told;
    for (const v1::TimelineEvent& event :
         MakeTimeline(facts_, facts_.tasks[0],
                      [&](const v1::StatusUpdate&) { return delivered; })) {
      told.push_back(absl::StrCat(
          event.has_time() ? absl::StrCat(event.time().seconds()) : "-", " ",
          v1::TimelineEvent::Kind_Name(event.kind()),
          event.message().empty() ? "" : ": ", event.message()));
    }
    return told;
  }

  ExecutorFacts facts_;
};

TEST_F(TimelineTest, BeginsWithTheIntent) {
  EXPECT_THAT(Told(), ElementsAre("1 LAUNCH: executor e-7 in container c-7"));
}

TEST_F(TimelineTest, TellsAllThatTheJournalSaysByTime) {
  Start(2, 8);
  Update(2, "u-1", v1::TASK_RUNNING);
  Acknowledge("u-1", At(4));
  Detach(5);
  v1::JournalRecord record;
  record.mutable_attached()->set_agent_incarnation("life-2");
  *record.mutable_attached()->mutable_time() = ToProto(At(6));
  Apply(record);
  record.mutable_kill_requested()->set_task_id("t-7");
  record.mutable_kill_requested()->set_reason(
      v1::REASON_TASK_KILLED_BY_REQUEST);
  *record.mutable_kill_requested()->mutable_time() = ToProto(At(7));
  Apply(record);
  record.mutable_exited()->set_signal(15);
  *record.mutable_exited()->mutable_time() = ToProto(At(8));
  Apply(record);

  EXPECT_THAT(
      Told(At(3)),
      ElementsAre("1 LAUNCH: executor e-7 in container c-7",
                  "2 STARTED: pid 7, shim pid 8", "2 UPDATE: TASK_RUNNING",
                  "3 DELIVERED", "4 ACKNOWLEDGED", "5 AGENT_LOST",
                  "5 FENCE_ARMED: recovery_timeout 15m",
                  "6 REATTACHED: agent incarnation life-2",
                  "7 KILL_REQUESTED: REASON_TASK_KILLED_BY_REQUEST",
                  "8 EXITED: signal 15"));
}

TEST_F(TimelineTest, ArmsNoFenceThatIsPaused) {
  v1::Limits limits;
  limits.set_fence_paused(true);
  Change(2, limits);
  Detach(3);
  limits.set_fence_paused(false);
  *limits.mutable_recovery_timeout() = ToProto(absl::Hours(1));
  Change(4, limits);
  Detach(5);

  EXPECT_THAT(
      Told(),
      ElementsAre("1 LAUNCH: executor e-7 in container c-7",
                  "2 LIMITS_CHANGED: fence paused", "3 AGENT_LOST",
                  "4 LIMITS_CHANGED: recovery_timeout 1h, fence "
                  "resumed",
                  "5 AGENT_LOST", "5 FENCE_ARMED: recovery_timeout 1h"));
}

TEST_F(TimelineTest, TellsOfEachFurtherShim) {
  Start(2, 8);
  Start(3, 9);

  EXPECT_THAT(Told(),
              ElementsAre("1 LAUNCH: executor e-7 in container c-7",
                          "2 STARTED: pid 7, shim pid 8",
                          "3 SHIM_REPLACED: its shim had died; the new one is "
                          "pid 9"));
}

TEST_F(TimelineTest, KeepsWhatHasNoTimeBehindWhatItFollowed) {
  Update(2, "u-1", v1::TASK_RUNNING);
  Acknowledge("u-1", absl::InfinitePast());  // an older version's
  Update(3, "u-2", v1::TASK_FINISHED);

  EXPECT_THAT(Told(), ElementsAre("1 LAUNCH: executor e-7 in container c-7",
                                  "2 UPDATE: TASK_RUNNING", "- ACKNOWLEDGED",
                                  "3 UPDATE: TASK_FINISHED"));
}

TEST_F(TimelineTest, IsTheSameFromACondensedJournal) {
  Start(2, 8);
  Update(2, "u-1", v1::TASK_RUNNING);
  Acknowledge("u-1", At(4));
  Detach(5);
  const std::vector<std::string> before = Told();

  ExecutorFacts again;
  for (const v1::JournalRecord& record : facts_.Condensed()) {
    ASSERT_TRUE(again.Apply(record).ok());
  }
  facts_ = again;

  EXPECT_EQ(Told(), before);
}

}  // namespace
}  // namespace holdfast
