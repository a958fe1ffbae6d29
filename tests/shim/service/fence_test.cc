#include "shim/service/fence.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

#include "api/time_convert.h"
#include "tests/fakes/fake_clock.h"

namespace holdfast::shim {
namespace {

constexpr absl::Duration kTimeout = absl::Minutes(15);
constexpr absl::Duration kMoment = absl::Milliseconds(1);

class FenceTest : public testing::Test {
 protected:
  void Make(absl::Duration timeout = kTimeout) {
    lease_.recovery_timeout = timeout;
    fence_ = std::make_unique<Fence>(*loop_, lease_, [this] { ++timeouts_; });
  }
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    loop_->RunOnce(absl::ZeroDuration());
  }

  void SetTimeout(absl::Duration timeout) {
    lease_.recovery_timeout = timeout;
    fence_->SetLease(lease_);
  }
  void SetPaused(bool paused) {
    lease_.paused = paused;
    fence_->SetLease(lease_);
  }
  void Extend(absl::Duration time) {
    lease_.not_before = clock_.SinceBoot() + time;
    fence_->SetLease(lease_);
  }

  Lease lease_;
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
  SetTimeout(kMoment);
  Pass(100 * kTimeout);

  EXPECT_EQ(timeouts_, 1);
}

TEST_F(FenceTest, FallsAtOnceWithoutARecoveryTimeoutButFromTheLoop) {
  Make();
  fence_->AgentBack();
  SetTimeout(absl::ZeroDuration());

  fence_->AgentLost();
  EXPECT_EQ(timeouts_, 0) << "whoever says so is not called back in it";
  Pass(absl::ZeroDuration());

  EXPECT_EQ(timeouts_, 1);
}

TEST_F(FenceTest, CountsANewTimeoutFromTheLoss) {
  Make();
  Pass(absl::Minutes(4));

  SetTimeout(absl::Minutes(5));
  Pass(absl::Minutes(1) - kMoment);
  EXPECT_EQ(timeouts_, 0);
  Pass(kMoment);

  EXPECT_EQ(timeouts_, 1);
  EXPECT_EQ(fence_->lease().recovery_timeout, absl::Minutes(5));
}

TEST_F(FenceTest, FallsAtOnceWhereANewTimeoutHasPassedAlready) {
  Make();
  Pass(absl::Minutes(4));

  SetTimeout(absl::Minutes(3));
  Pass(absl::ZeroDuration());

  EXPECT_EQ(timeouts_, 1);
}

TEST_F(FenceTest, ForgetsTheOldTimeoutWhenItIsLengthened) {
  Make();

  SetTimeout(2 * kTimeout);
  Pass(2 * kTimeout - kMoment);
  EXPECT_EQ(timeouts_, 0) << "the old timer did something";
  Pass(kMoment);

  EXPECT_EQ(timeouts_, 1);
}

TEST_F(FenceTest, RemembersATimeoutThatWasSetWhileAttached) {
  Make();
  fence_->AgentBack();

  SetTimeout(absl::Seconds(1));
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

  SetTimeout(absl::Minutes(2));
  Pass(absl::Minutes(1));

  EXPECT_EQ(timeouts_, 1);
}

TEST_F(FenceTest, NeverFallsOnceItIsDisarmed) {
  Make();

  fence_->Disarm();
  Pass(kTimeout);
  SetTimeout(kMoment);
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

TEST_F(FenceTest, NeverFallsWhileItIsPaused) {
  Make();

  SetPaused(true);
  Pass(100 * kTimeout);
  fence_->AgentBack();
  fence_->AgentLost();
  Pass(100 * kTimeout);

  EXPECT_EQ(timeouts_, 0);
  EXPECT_FALSE(fence_->Describe().has_remaining());
}

TEST_F(FenceTest, CountsAnewWhenAPauseEnds) {
  Make();
  SetPaused(true);
  Pass(100 * kTimeout);

  SetPaused(false);
  Pass(kTimeout - kMoment);
  EXPECT_EQ(timeouts_, 0) << "it fell for the time that was paused";
  Pass(kMoment);

  EXPECT_EQ(timeouts_, 1);
}

TEST_F(FenceTest, CountsOnWhenAPauseEndsThatNeverBegan) {
  Make();
  Pass(kTimeout - kMoment);

  SetPaused(false);
  Pass(kMoment);

  EXPECT_EQ(timeouts_, 1);
}

TEST_F(FenceTest, DoesNotFallBeforeItsExtensionIsOver) {
  Make();
  Pass(kTimeout - kMoment);

  Extend(kTimeout);
  Pass(kTimeout - kMoment);
  EXPECT_EQ(timeouts_, 0);
  Pass(kMoment);

  EXPECT_EQ(timeouts_, 1);
}

TEST_F(FenceTest, IsNotShortenedByAnExtension) {
  Make();

  Extend(kMoment);
  Pass(kTimeout - kMoment);
  EXPECT_EQ(timeouts_, 0);
  Pass(kMoment);

  EXPECT_EQ(timeouts_, 1);
}

TEST_F(FenceTest, HoldsByAnExtensionThatWasGivenWhileAttached) {
  Make();
  fence_->AgentBack();
  Extend(3 * kTimeout);
  Pass(kTimeout);

  fence_->AgentLost();
  Pass(2 * kTimeout - kMoment);
  EXPECT_EQ(timeouts_, 0);
  Pass(kMoment);

  EXPECT_EQ(timeouts_, 1);
}

TEST_F(FenceTest, IsPausedAndExtendedFromItsBeginning) {
  lease_.paused = true;
  lease_.not_before = clock_.SinceBoot() + 3 * kTimeout;
  Make();

  Pass(kTimeout);
  EXPECT_EQ(timeouts_, 0);
  SetPaused(false);
  Pass(2 * kTimeout - kMoment);
  EXPECT_EQ(timeouts_, 0);
  Pass(kMoment);

  EXPECT_EQ(timeouts_, 1);
}

// Every change, in every state of the link: who is attached is never fenced,
// who is being ended is ended once.
TEST_F(FenceTest, TakesEveryChangeInEveryState) {
  const std::vector<std::function<void()>> changes = {
      [this] { SetTimeout(kMoment); },
      [this] { SetTimeout(absl::InfiniteDuration()); },
      [this] { SetPaused(true); },
      [this] { SetPaused(false); },
      [this] { Extend(kTimeout); },
  };
  for (const auto& first : changes) {
    for (const auto& second : changes) {
      lease_ = Lease();
      timeouts_ = 0;
      Make();
      fence_->AgentBack();
      first();
      second();
      Pass(10 * kTimeout);
      EXPECT_EQ(timeouts_, 0) << "attached";
      fence_->AgentLost();
      const bool never =
          lease_.FiresAt(clock_.SinceBoot()) == absl::InfiniteDuration();
      Pass(10 * kTimeout);
      EXPECT_EQ(timeouts_, never ? 0 : 1) << "detached";
      first();
      second();
      Pass(10 * kTimeout);
      EXPECT_LE(timeouts_, 1) << "terminating";
    }
  }
}

TEST_F(FenceTest, SaysHowLongItHasLeft) {
  Make();
  Pass(absl::Minutes(5));

  EXPECT_EQ(fence_->Describe().state(), v1::FenceStatus::DETACHED);
  EXPECT_EQ(FromProto(fence_->Describe().remaining()), absl::Minutes(10));
  fence_->AgentBack();
  EXPECT_EQ(fence_->Describe().state(), v1::FenceStatus::ATTACHED);
  EXPECT_EQ(FromProto(fence_->Describe().remaining()), kTimeout)
      << "if the agent were lost now";
  fence_->Disarm();
  EXPECT_EQ(fence_->Describe().state(), v1::FenceStatus::TERMINATING);
}

}  // namespace
}  // namespace holdfast::shim
