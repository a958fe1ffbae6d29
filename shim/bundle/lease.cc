#include "shim/bundle/lease.h"

#include <algorithm>

#include "api/time_convert.h"

namespace holdfast {

absl::Duration Lease::FiresAt(absl::Duration lost_at) const {
  if (paused) return absl::InfiniteDuration();
  return std::max(lost_at + recovery_timeout, not_before);
}

Lease LeaseOf(const ExecutorFacts& facts) {
  Lease lease;
  if (!facts.intent.checkpoint()) {
    lease.recovery_timeout = absl::ZeroDuration();
    return lease;
  }
  if (facts.intent.has_recovery_timeout()) {
    lease.recovery_timeout = FromProto(facts.intent.recovery_timeout());
  }
  if (!facts.limits) return lease;
  const v1::Limits& limits = *facts.limits;
  if (limits.has_recovery_timeout()) {
    lease.recovery_timeout = FromProto(limits.recovery_timeout());
  }
  lease.paused = limits.fence_paused();
  lease.not_before = FromProto(limits.fence_not_before());
  return lease;
}

v1::FenceStatus DescribeFence(v1::FenceStatus::State state, const Lease& lease,
                              absl::Duration lost_at, absl::Duration now) {
  v1::FenceStatus status;
  status.set_state(state);
  status.set_paused(lease.paused);
  if (lease.recovery_timeout != absl::InfiniteDuration()) {
    *status.mutable_recovery_timeout() = ToProto(lease.recovery_timeout);
  }
  const absl::Duration fires_at = lease.FiresAt(lost_at);
  if (state != v1::FenceStatus::TERMINATING &&
      fires_at != absl::InfiniteDuration()) {
    *status.mutable_remaining() =
        ToProto(std::max(fires_at - now, absl::ZeroDuration()));
  }
  return status;
}

}  // namespace holdfast
