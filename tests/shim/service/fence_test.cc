#include "shim/service/fence.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/fakes/fake_clock.h"

namespace holdfast::shim {
namespace {

constexpr absl::Duration kTimeout = absl::Minutes(15);
constexpr absl::Duration kMoment = absl::Milliseconds(1);

class FenceTest : public testing::Test {
 protected:
  void Make(absl::Duration timeout = kTimeout) {
    fence_ = std::make_unique<Fence>(*loop_, timeout, [this] { ++timeouts_; });
  }
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    loop_->RunOnce(absl::ZeroDuration());
  }

  FakeClock clock_;
  std::unique_ptr<EventLoop> loop_ =
      std::move(EventLoop::Create(clock_)).value();
  std::unique_ptr<Fence> fence_;
  int timeouts_ = 0;
};

TEST_F(FenceTest, FallsWhenNoAgentEverCame) {
  Make();

  Pass(kTimeout - kMoment);
  EXPECT_EQ(timeouts_, 0);
  EXPECT_EQ(fence_->state(), LinkState::kDetached);
  Pass(kMoment);

  EXPECT_EQ(timeouts_, 1);
  EXPECT_EQ(fence_->state(), LinkState::kTerminating);
}

TEST_F(FenceTest, StandsAsLongAsAnAgentIsThere) {
  Make();

  fence_->AgentBack();
  Pass(100 * kTimeout);

  EXPECT_EQ(timeouts_, 0);
  EXPECT_EQ(fence_->state(), LinkState::kAttached);
}

TEST_F(FenceTest, CountsEachLossFromItsOwnBeginning) {
  Make();
  Pass(kTimeout - kMoment);
  fence_->AgentBack();
  fence_->AgentLost();

  Pass(kTimeout - kMoment);
  EXPECT_EQ(timeouts_, 0);
  Pass(kMoment);

  EXPECT_EQ(timeouts_, 1);
}

TEST_F(FenceTest, CountsFromTheFirstOfSeveralLosses) {
  Make();
  fence_->AgentBack();
  fence_->AgentLost();
  Pass(kTimeout - kMoment);

  // A connection that never attached came and went.
  fence_->AgentLost();
  Pass(kMoment);

  EXPECT_EQ(timeouts_, 1);
}

TEST_F(FenceTest, FallsOnceForAll) {
  Make();
  Pass(kTimeout);

  fence_->AgentBack();
  EXPECT_EQ(fence_->state(), LinkState::kTerminating);
  fence_->AgentLost();
  fence_->SetTimeout(kMoment);
  Pass(100 * kTimeout);

  EXPECT_EQ(timeouts_, 1);
}

TEST_F(FenceTest, FallsAtOnceWithoutARecoveryTimeoutButFromTheLoop) {
  Make();
  fence_->AgentBack();
  fence_->SetTimeout(absl::ZeroDuration());

  fence_->AgentLost();
  EXPECT_EQ(timeouts_, 0) << "whoever says so is not called back in it";
  Pass(absl::ZeroDuration());

  EXPECT_EQ(timeouts_, 1);
}

TEST_F(FenceTest, CountsANewTimeoutFromTheLoss) {
  Make();
  Pass(absl::Minutes(4));

  fence_->SetTimeout(absl::Minutes(5));
  Pass(absl::Minutes(1) - kMoment);
  EXPECT_EQ(timeouts_, 0);
  Pass(kMoment);

  EXPECT_EQ(timeouts_, 1);
  EXPECT_EQ(fence_->recovery_timeout(), absl::Minutes(5));
}

TEST_F(FenceTest, FallsAtOnceWhereANewTimeoutHasPassedAlready) {
  Make();
  Pass(absl::Minutes(4));

  fence_->SetTimeout(absl::Minutes(3));
  Pass(absl::ZeroDuration());

  EXPECT_EQ(timeouts_, 1);
}

TEST_F(FenceTest, ForgetsTheOldTimeoutWhenItIsLengthened) {
  Make();

  fence_->SetTimeout(2 * kTimeout);
  Pass(2 * kTimeout - kMoment);
  EXPECT_EQ(timeouts_, 0) << "the old timer did something";
  Pass(kMoment);

  EXPECT_EQ(timeouts_, 1);
}

TEST_F(FenceTest, RemembersATimeoutThatWasSetWhileAttached) {
  Make();
  fence_->AgentBack();

  fence_->SetTimeout(absl::Seconds(1));
  Pass(kTimeout);
  EXPECT_EQ(timeouts_, 0);
  fence_->AgentLost();
  Pass(absl::Seconds(1));

  EXPECT_EQ(timeouts_, 1);
}

TEST_F(FenceTest, NeverFallsWithAnInfiniteTimeout) {
  Make(absl::InfiniteDuration());

  Pass(absl::Hours(24 * 365));

  EXPECT_EQ(timeouts_, 0);
}

TEST_F(FenceTest, CanBeGivenATimeoutAfterAnInfiniteOne) {
  Make(absl::InfiniteDuration());
  Pass(absl::Minutes(1));

  fence_->SetTimeout(absl::Minutes(2));
  Pass(absl::Minutes(1));

  EXPECT_EQ(timeouts_, 1);
}

TEST_F(FenceTest, NeverFallsOnceItIsDisarmed) {
  Make();

  fence_->Disarm();
  Pass(kTimeout);
  fence_->SetTimeout(kMoment);
  Pass(kTimeout);
  fence_->AgentBack();
  fence_->AgentLost();
  Pass(kTimeout);

  EXPECT_EQ(timeouts_, 0);
}

TEST_F(FenceTest, LeavesNoTimerBehind) {
  Make();

  fence_.reset();
  Pass(kTimeout);

  EXPECT_EQ(timeouts_, 0);
}

}  // namespace
}  // namespace holdfast::shim
