#include "shim/bundle/lease.h"

#include <gtest/gtest.h>

#include "api/time_convert.h"

namespace holdfast {
namespace {

constexpr absl::Duration kLost = absl::Hours(1);
constexpr absl::Duration kTimeout = absl::Minutes(15);

ExecutorFacts Facts(bool checkpoint = true) {
  ExecutorFacts facts;
  facts.intent.set_checkpoint(checkpoint);
  *facts.intent.mutable_recovery_timeout() = ToProto(kTimeout);
  return facts;
}

TEST(Lease, IsWhatTheIntentSays) {
  EXPECT_EQ(LeaseOf(Facts()).FiresAt(kLost), kLost + kTimeout);
}

TEST(Lease, NeverEndsWithoutATimeout) {
  ExecutorFacts facts = Facts();
  facts.intent.clear_recovery_timeout();

  EXPECT_EQ(LeaseOf(facts).FiresAt(kLost), absl::InfiniteDuration());
}

TEST(Lease, IsWhatWasChangedSince) {
  ExecutorFacts facts = Facts();
  *facts.limits.emplace().mutable_recovery_timeout() =
      ToProto(absl::Seconds(3));

  EXPECT_EQ(LeaseOf(facts).FiresAt(kLost), kLost + absl::Seconds(3));

  *facts.limits->mutable_fence_not_before() = ToProto(2 * kLost);
  EXPECT_EQ(LeaseOf(facts).FiresAt(kLost), 2 * kLost);

  facts.limits->set_fence_paused(true);
  EXPECT_EQ(LeaseOf(facts).FiresAt(kLost), absl::InfiniteDuration());
}

TEST(Lease, IsOfNoUseWithoutACheckpoint) {
  ExecutorFacts facts = Facts(/*checkpoint=*/false);
  facts.limits.emplace().set_fence_paused(true);

  EXPECT_EQ(LeaseOf(facts).FiresAt(kLost), kLost);
}

TEST(Lease, IsDescribedAsItStands) {
  const Lease lease = LeaseOf(Facts());
  const auto describe = [&](v1::FenceStatus::State state,
                            absl::Duration passed) {
    return DescribeFence(state, lease, kLost, kLost + passed);
  };

  const v1::FenceStatus detached =
      describe(v1::FenceStatus::DETACHED, absl::Minutes(5));

  EXPECT_EQ(FromProto(detached.recovery_timeout()), kTimeout);
  EXPECT_EQ(FromProto(detached.remaining()), absl::Minutes(10));
  EXPECT_EQ(
      FromProto(
          describe(v1::FenceStatus::DETACHED, absl::Hours(1)).remaining()),
      absl::ZeroDuration());
  EXPECT_FALSE(describe(v1::FenceStatus::TERMINATING, absl::ZeroDuration())
                   .has_remaining());
}

TEST(Lease, HasNothingRemainingThatCouldRunOutWhilePaused) {
  Lease lease = LeaseOf(Facts());
  lease.paused = true;

  const v1::FenceStatus status =
      DescribeFence(v1::FenceStatus::DETACHED, lease, kLost, kLost);

  EXPECT_TRUE(status.paused());
  EXPECT_FALSE(status.has_remaining());
}

}  // namespace
}  // namespace holdfast
