#include "plugin/service/ending.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/time_convert.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;

// Each cause with what marks its kill, the strongest first.
class EndingTest : public testing::Test {
 protected:
  EndingTest() {
    retirement_.set_message("given up");
    *retirement_.mutable_grace_period() = ToProto(absl::Seconds(3));
    *drain_.mutable_max_grace_period() = ToProto(absl::Seconds(7));
  }
  EndingCauses All() const {
    return {.reregistration_timeout = absl::Seconds(2),
            .cleanup = true,
            .retirement = &retirement_,
            .teardown = &teardown_,
            .drain = &drain_};
  }
  // What the journal holds once the shim has taken `kill`.
  static ExecutorFacts Told(const v1::ShimKillRequest& kill,
                            absl::Duration grace) {
    ExecutorFacts facts;
    facts.kill.emplace();
    facts.kill->set_reason(kill.reason());
    facts.kill->set_state(kill.state());
    *facts.kill->mutable_grace_period() = ToProto(grace);
    return facts;
  }

  v1::Ending retirement_;
  v1::Ending teardown_;
  v1::DrainInfo drain_;
};

TEST_F(EndingTest, IsNotDueWithoutACause) {
  EXPECT_FALSE(DueKill(EndingCauses()).has_value());
}

TEST_F(EndingTest, HasTheReasonOfTheStrongestCause) {
  EndingCauses causes = All();
  const auto reason = [&] { return DueKill(causes)->reason(); };

  EXPECT_EQ(reason(), v1::REASON_EXECUTOR_REREGISTRATION_TIMEOUT);
  causes.reregistration_timeout.reset();
  EXPECT_EQ(reason(), v1::REASON_AGENT_CLEANUP);
  causes.cleanup = false;
  EXPECT_EQ(reason(), v1::REASON_AGENT_REMOVED);
  causes.retirement = nullptr;
  EXPECT_EQ(reason(), v1::REASON_FRAMEWORK_REMOVED);
  causes.teardown = nullptr;
  EXPECT_EQ(reason(), v1::REASON_AGENT_DRAINED);
}

TEST_F(EndingTest, SaysWhyAndLeavesTheTasksTheirOwnGrace) {
  const auto cleanup = DueKill({.cleanup = true});
  const auto teardown = DueKill({.teardown = &teardown_});

  EXPECT_THAT(cleanup->message(), HasSubstr("--recover=cleanup"));
  EXPECT_FALSE(cleanup->has_grace_period());
  EXPECT_FALSE(teardown->message().empty());
  EXPECT_FALSE(teardown->has_grace_period());
}

TEST_F(EndingTest, TakesItsWordsAndItsGraceFromWhoeverAskedForIt) {
  const auto kill = DueKill({.retirement = &retirement_});

  EXPECT_EQ(kill->message(), "given up");
  EXPECT_EQ(FromProto(kill->grace_period()), absl::Seconds(3));
}

TEST_F(EndingTest, OfOneThatDidNotAnswerComesAtOnce) {
  const auto kill = DueKill({.reregistration_timeout = absl::Seconds(2)});

  EXPECT_TRUE(kill->has_grace_period());
  EXPECT_EQ(FromProto(kill->grace_period()), absl::ZeroDuration());
  EXPECT_THAT(kill->message(), HasSubstr("(2s)"));
}

TEST_F(EndingTest, OfADrainMayBeForGood) {
  EXPECT_EQ(DueKill({.drain = &drain_})->state(), v1::TASK_STATE_UNSPECIFIED);

  drain_.set_mark_gone(true);

  EXPECT_EQ(DueKill({.drain = &drain_})->state(), v1::TASK_GONE_BY_OPERATOR);
}

TEST_F(EndingTest, IsBoundedByADrainWhateverItsCause) {
  const auto drain = DueKill({.drain = &drain_});
  const auto both = DueKill({.teardown = &teardown_, .drain = &drain_});

  EXPECT_EQ(FromProto(drain->max_grace_period()), absl::Seconds(7));
  EXPECT_EQ(FromProto(both->max_grace_period()), absl::Seconds(7));
  EXPECT_EQ(both->reason(), v1::REASON_FRAMEWORK_REMOVED);
}

TEST_F(EndingTest, IsUnderWayOnceTheJournalHoldsIt) {
  const v1::ShimKillRequest due = *DueKill({.drain = &drain_});
  ExecutorFacts over;
  over.exited.emplace();

  EXPECT_FALSE(IsUnderWay(due, ExecutorFacts()));
  EXPECT_TRUE(IsUnderWay(due, Told(due, absl::Seconds(5))));
  EXPECT_TRUE(IsUnderWay(due, over));
}

TEST_F(EndingTest, IsDueAgainWhenItBecomesHarder) {
  const v1::ShimKillRequest drain = *DueKill({.drain = &drain_});
  const v1::ShimKillRequest teardown = *DueKill({.teardown = &teardown_});
  const v1::ShimKillRequest retirement = *DueKill({.retirement = &retirement_});
  const ExecutorFacts drained = Told(drain, absl::Seconds(5));
  drain_.set_mark_gone(true);

  EXPECT_FALSE(IsUnderWay(teardown, drained)) << "for another reason";
  EXPECT_FALSE(IsUnderWay(*DueKill({.drain = &drain_}), drained)) << "for good";
  EXPECT_FALSE(IsUnderWay(drain, Told(drain, absl::Seconds(8)))) << "sooner";
  EXPECT_FALSE(IsUnderWay(retirement, Told(retirement, absl::Seconds(4))));
  EXPECT_TRUE(IsUnderWay(retirement, Told(retirement, absl::Seconds(3))));
}

}  // namespace
}  // namespace holdfast
