#include "plugin/recovery/recovery_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/time_convert.h"
#include "tests/fakes/fake_clock.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using Response = v1::GetRecoveryResponse;

TEST(RecoveryReport, IsNotCompleteBeforeEveryoneIsKnown) {
  FakeClock clock;
  RecoveryReport report(clock);
  report.Begin();
  EXPECT_FALSE(report.complete()) << "there may be more";

  report.AllAdded();

  EXPECT_TRUE(report.complete()) << "there was nothing to recover";
}

TEST(RecoveryReport, IsCompleteWhenEveryExecutorIsDecidedOn) {
  FakeClock clock;
  RecoveryReport report(clock);
  report.Begin();
  report.Add("c-1", "f-1", "e-1");
  report.Add("c-2", "f-1", "e-2");
  report.AllAdded();
  EXPECT_THAT(report.progress(), Pair(0, 2));

  report.Decide("c-1", Response::REATTACHED, "SHIM_ALIVE", {});
  EXPECT_FALSE(report.complete());
  EXPECT_THAT(report.progress(), Pair(1, 2));
  report.Decide("c-2", Response::ENDED_WHILE_AWAY, "JOURNAL", {});

  EXPECT_TRUE(report.complete());
  EXPECT_THAT(report.progress(), Pair(2, 2));
}

TEST(RecoveryReport, ListsWhatWasDamaged) {
  FakeClock clock;
  RecoveryReport report(clock);
  report.Begin();
  Damage damage;
  damage.file = "f-1.record";

  report.AddDamage(damage);
  report.AddDamage(damage);

  const Response response = report.ToProto();
  ASSERT_EQ(response.damage_size(), 1);
  EXPECT_EQ(response.damage(0).file(), "f-1.record");
}

TEST(RecoveryReport, TellsWhatWasFoundAndDecidedAndHowLongItTook) {
  FakeClock clock;
  RecoveryReport report(clock);
  report.Begin();
  const absl::Time begun = clock.Now();
  report.Add("c-1", "f-1", "e-1");
  report.AllAdded();

  clock.Advance(absl::Seconds(2));
  report.Decide("c-1", Response::REATTACHED, "SHIM_ALIVE", {"pid 7", "bound"});
  clock.Advance(absl::Seconds(100));

  const Response response = report.ToProto();
  EXPECT_TRUE(response.complete());
  EXPECT_EQ(FromProto(response.start_time()), begun);
  EXPECT_EQ(FromProto(response.took()), absl::Seconds(2));
  ASSERT_EQ(response.executors_size(), 1);
  const Response::Executor& row = response.executors(0);
  EXPECT_EQ(row.container_id(), "c-1");
  EXPECT_EQ(row.framework_id(), "f-1");
  EXPECT_EQ(row.executor_id(), "e-1");
  EXPECT_EQ(row.decision(), Response::REATTACHED);
  EXPECT_EQ(row.reason(), "SHIM_ALIVE");
  EXPECT_THAT(row.evidence(), ElementsAre("pid 7", "bound"));
  EXPECT_EQ(FromProto(row.took()), absl::Seconds(2));
}

TEST(RecoveryReport, TellsHowLongItHasTakenSoFar) {
  FakeClock clock;
  RecoveryReport report(clock);
  report.Begin();
  report.Add("c-1", "f-1", "e-1");
  report.AllAdded();

  clock.Advance(absl::Seconds(3));

  const Response response = report.ToProto();
  EXPECT_FALSE(response.complete());
  EXPECT_EQ(FromProto(response.took()), absl::Seconds(3));
  EXPECT_EQ(response.executors(0).decision(), Response::PENDING);
  EXPECT_THAT(report.Pending(), ElementsAre("c-1"));
}

TEST(RecoveryReport, CountsTheTimeUntilAllWereKnownWhereNobodyWaited) {
  FakeClock clock;
  RecoveryReport report(clock);
  report.Begin();
  report.Add("c-1", "f-1", "e-1");
  report.Decide("c-1", Response::QUARANTINED, "DAMAGED", {});

  clock.Advance(absl::Seconds(4));
  report.AllAdded();
  clock.Advance(absl::Seconds(100));

  EXPECT_EQ(FromProto(report.ToProto().took()), absl::Seconds(4));
}

TEST(RecoveryReport, ReplacesUnattachedByABetterWordAndCountsItOnce) {
  FakeClock clock;
  RecoveryReport report(clock);
  report.Begin();
  report.Add("c-1", "f-1", "e-1");
  report.AllAdded();
  report.Decide("c-1", Response::UNATTACHED, "NO_ANSWER", {"hung"});
  EXPECT_THAT(report.Pending(), IsEmpty());

  clock.Advance(absl::Seconds(60));
  report.Decide("c-1", Response::REATTACHED, "SHIM_ALIVE", {"it is back"});

  const Response response = report.ToProto();
  EXPECT_EQ(response.executors(0).decision(), Response::REATTACHED);
  EXPECT_THAT(response.executors(0).evidence(),
              ElementsAre("hung", "it is back"));
  EXPECT_EQ(FromProto(response.took()), absl::ZeroDuration());
  EXPECT_THAT(report.progress(), Pair(1, 1));
}

TEST(RecoveryReport, KeepsTheFirstWordOtherwise) {
  FakeClock clock;
  RecoveryReport report(clock);
  report.Begin();
  report.Add("c-1", "f-1", "e-1");
  report.Decide("c-1", Response::REATTACHED, "SHIM_ALIVE", {});

  report.Decide("c-1", Response::UNATTACHED, "NO_ANSWER", {"later"});
  report.Decide("of this life", Response::UNATTACHED, "NO_ANSWER", {});

  const Response response = report.ToProto();
  ASSERT_EQ(response.executors_size(), 1);
  EXPECT_EQ(response.executors(0).decision(), Response::REATTACHED);
  EXPECT_EQ(response.executors(0).evidence_size(), 0);
}

TEST(RecoveryReport, TellsWhoMayYetTurnUp) {
  FakeClock clock;
  RecoveryReport report(clock);
  report.Begin();
  report.Add("c-1", "f-1", "e-1");
  report.Add("c-2", "f-1", "e-2");
  report.Add("c-3", "f-1", "e-3");
  report.AllAdded();

  report.Decide("c-1", Response::REATTACHED, "SHIM_ALIVE", {});
  report.Decide("c-2", Response::UNATTACHED, "NO_ANSWER", {});

  EXPECT_THAT(report.Pending(), ElementsAre("c-3"));
  EXPECT_THAT(report.Unanswered(), ElementsAre("c-2", "c-3"));
}

}  // namespace
}  // namespace holdfast
