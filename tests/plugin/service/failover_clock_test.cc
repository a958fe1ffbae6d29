#include "plugin/service/failover_clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/fakes/fake_clock.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kTimeout = absl::Minutes(1);
constexpr absl::Duration kMoment = absl::Milliseconds(1);

class FailoverClockTest : public testing::Test {
 protected:
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    loop_->RunOnce(absl::ZeroDuration());
  }

  FakeClock clock_;
  std::unique_ptr<EventLoop> loop_ =
      std::move(EventLoop::Create(clock_)).value();
  std::vector<std::string> gone_;
  FailoverClock failover_{
      *loop_, [this](const std::string& id) { gone_.push_back(id); }};
};

TEST_F(FailoverClockTest, CountsFromWhereItIsFirstKnown) {
  failover_.Known("f-1", kTimeout);

  Pass(kTimeout - kMoment);
  EXPECT_THAT(gone_, IsEmpty());
  Pass(kMoment);

  EXPECT_THAT(gone_, ElementsAre("f-1"));
  Pass(100 * kTimeout);
  EXPECT_THAT(gone_, ElementsAre("f-1")) << "once";
}

TEST_F(FailoverClockTest, StandsAsLongAsThereIsAStream) {
  failover_.Known("f-1", kTimeout);

  failover_.StreamBegan("f-1", 1);
  failover_.Known("f-1", kTimeout);  // registers again
  Pass(100 * kTimeout);

  EXPECT_THAT(gone_, IsEmpty());
}

TEST_F(FailoverClockTest, CountsEachAbsenceFromItsOwnBeginning) {
  failover_.Known("f-1", kTimeout);
  Pass(kTimeout - kMoment);
  failover_.StreamBegan("f-1", 1);
  failover_.StreamEnded(1);

  Pass(kTimeout - kMoment);
  EXPECT_THAT(gone_, IsEmpty());
  Pass(kMoment);

  EXPECT_THAT(gone_, ElementsAre("f-1"));
}

TEST_F(FailoverClockTest, StandsWhileAnotherStreamHasTakenOver) {
  failover_.Known("f-1", kTimeout);
  failover_.StreamBegan("f-1", 1);
  failover_.StreamBegan("f-1", 2);

  failover_.StreamEnded(1);
  Pass(2 * kTimeout);
  EXPECT_THAT(gone_, IsEmpty());
  failover_.StreamEnded(2);
  Pass(kTimeout);

  EXPECT_THAT(gone_, ElementsAre("f-1"));
}

TEST_F(FailoverClockTest, KnowsNoStreamOfOneThatWasForgotten) {
  failover_.Known("f-1", kTimeout);
  failover_.StreamBegan("f-1", 1);
  failover_.Forget("f-1");
  failover_.Known("f-1", kTimeout);  // it begins anew
  failover_.StreamBegan("f-1", 2);

  failover_.StreamEnded(1);
  Pass(2 * kTimeout);

  EXPECT_THAT(gone_, IsEmpty());
}

TEST_F(FailoverClockTest, BeginsAnewWhenItRegistersAgain) {
  failover_.Known("f-1", kTimeout);
  Pass(kTimeout - kMoment);

  failover_.Known("f-1", kTimeout);
  Pass(kTimeout - kMoment);

  EXPECT_THAT(gone_, IsEmpty());
}

TEST_F(FailoverClockTest, LeavesOneThatIsNewTimeToBeginItsStream) {
  failover_.Known("f-1", absl::ZeroDuration());

  Pass(FailoverClock::kFirstStream - kMoment);
  EXPECT_THAT(gone_, IsEmpty());
  failover_.StreamBegan("f-1", 1);
  failover_.StreamEnded(1);
  Pass(absl::ZeroDuration());

  EXPECT_THAT(gone_, ElementsAre("f-1")) << "it had its stream";
}

TEST_F(FailoverClockTest, NeverCountsWhereNoTimeIsSet) {
  failover_.Known("f-1", absl::InfiniteDuration());
  failover_.StreamBegan("f-1", 1);
  failover_.StreamEnded(1);

  Pass(absl::Hours(100'000));

  EXPECT_THAT(gone_, IsEmpty());
}

TEST_F(FailoverClockTest, TakesATimeThatChangedWhileItWasThere) {
  failover_.Known("f-1", absl::InfiniteDuration());
  failover_.StreamBegan("f-1", 1);
  failover_.Known("f-1", kTimeout);
  failover_.StreamEnded(1);

  Pass(kTimeout);

  EXPECT_THAT(gone_, ElementsAre("f-1"));
}

TEST_F(FailoverClockTest, KeepsFrameworksApartAndForgetsThem) {
  failover_.Known("f-1", kTimeout);
  failover_.Known("f-2", kTimeout);
  failover_.Known("f-3", kTimeout);
  failover_.StreamBegan("f-2", 2);
  failover_.Forget("f-3");
  failover_.StreamEnded(4);  // nobody's

  Pass(kTimeout);

  EXPECT_THAT(gone_, ElementsAre("f-1"));
}

}  // namespace
}  // namespace holdfast
