#include "plugin/gc/garbage_collector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr absl::Duration kDay = absl::Hours(24);

class GarbageCollectorTest : public ::testing::Test {
 protected:
  absl::Time Ago(absl::Duration age) const { return clock_.Now() - age; }
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    loop_->RunOnce(absl::ZeroDuration());
  }

  FakeClock clock_;
  std::unique_ptr<EventLoop> loop_ = *EventLoop::Create(clock_);
  double used_ = 0;
  int looks_ = 0;  // at the disk
  std::vector<std::string> collected_;
  GarbageCollector garbage_{
      *loop_,
      {.gc_delay = 7 * kDay,
       .disk_headroom = 0.1,
       .disk_watch_interval = absl::Minutes(1)},
      [this]() -> absl::StatusOr<double> {
        ++looks_;
        return used_;
      },
      [this](const std::string& id) { collected_.push_back(id); }};
};

TEST_F(GarbageCollectorTest, TakesWhatIsOldEnoughAndNothingElse) {
  garbage_.Add("old", Ago(7 * kDay));
  garbage_.Add("young", Ago(kDay));

  Pass(absl::Minutes(1));

  EXPECT_THAT(collected_, ElementsAre("old"));
}

TEST_F(GarbageCollectorTest, TakesEachWhenItsTimeComes) {
  used_ = -1;  // so that the whole week is given
  garbage_.Add("first", Ago(absl::ZeroDuration()));
  Pass(kDay);
  garbage_.Add("second", Ago(absl::ZeroDuration()));

  Pass(6 * kDay - absl::Seconds(1));
  EXPECT_THAT(collected_, IsEmpty());
  Pass(absl::Minutes(1));
  EXPECT_THAT(collected_, ElementsAre("first"));
  Pass(kDay);
  EXPECT_THAT(collected_, ElementsAre("first", "second"));
}

TEST_F(GarbageCollectorTest, HurriesWhenTheDiskFillsUp) {
  garbage_.Add("a", Ago(2 * kDay));
  garbage_.Add("b", Ago(kDay / 2));
  Pass(absl::Minutes(1));
  EXPECT_THAT(collected_, IsEmpty());

  used_ = 0.8;  // a tenth of a week: 17 hours
  Pass(absl::Minutes(1));
  EXPECT_THAT(collected_, ElementsAre("a"));
  used_ = 0.95;
  Pass(absl::Minutes(1));

  EXPECT_THAT(collected_, ElementsAre("a", "b"));
}

TEST_F(GarbageCollectorTest, LeavesTheDiskAloneWhileThereIsNothing) {
  Pass(30 * kDay);
  EXPECT_EQ(looks_, 0);
  garbage_.Add("a", Ago(absl::ZeroDuration()));
  garbage_.Drop("a");
  Pass(30 * kDay);
  EXPECT_EQ(looks_, 0) << "no timer is left either";

  garbage_.Add("a", Ago(30 * kDay));
  Pass(absl::Minutes(1));
  const int looks = looks_;
  Pass(30 * kDay);

  EXPECT_THAT(collected_, ElementsAre("a"));
  EXPECT_EQ(looks_, looks) << "the last one was taken";
}

TEST_F(GarbageCollectorTest, NeverTakesWhatWasDropped) {
  garbage_.Add("a", Ago(30 * kDay));
  garbage_.Add("b", Ago(30 * kDay));
  garbage_.Drop("a");

  Pass(absl::Minutes(1));

  EXPECT_THAT(collected_, ElementsAre("b"));
}

TEST_F(GarbageCollectorTest, TakesAnEndInTheFutureForOneOfNow) {
  used_ = -1;
  garbage_.Add("a", clock_.Now() + 100 * kDay);

  Pass(7 * kDay);

  EXPECT_THAT(collected_, ElementsAre("a"));
}

TEST_F(GarbageCollectorTest, WithoutAnAnswerAboutTheDiskItWaitsTheWholeDelay) {
  std::vector<std::string> collected;
  GarbageCollector blind(
      *loop_, {.gc_delay = kDay, .disk_watch_interval = absl::Minutes(1)},
      [] { return absl::StatusOr<double>(absl::InternalError("EIO")); },
      [&](const std::string& id) { collected.push_back(id); });
  blind.Add("a", Ago(kDay / 2));

  Pass(kDay / 2 - absl::Seconds(1));
  EXPECT_THAT(collected, IsEmpty());
  Pass(absl::Minutes(1));

  EXPECT_THAT(collected, ElementsAre("a"));
}

TEST_F(GarbageCollectorTest, TakesAllThatAreDueAtOnce) {
  garbage_.Add("a", Ago(8 * kDay));
  garbage_.Add("b", Ago(9 * kDay));

  Pass(absl::ZeroDuration());

  EXPECT_THAT(collected_, UnorderedElementsAre("a", "b"));
}

}  // namespace
}  // namespace holdfast
