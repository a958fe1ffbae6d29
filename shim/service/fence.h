#pragma once

#include <functional>

#include "absl/time/time.h"
#include "base/event_loop.h"
#include "shim/bundle/lease.h"
#include "shim/link/link_state.h"

namespace holdfast::shim {

// Ends an executor whose agent does not come back: a clock that runs while the
// link is kDetached (from the beginning, since an agent may die before it
// attached for the first time) and calls `on_timeout` when `recovery_timeout`
// has passed on CLOCK_BOOTTIME, not before the lease's `not_before`, and never
// while it is paused. Where none of it can fire no timer is set.
class Fence {
 public:
  Fence(EventLoop& loop, const Lease& lease, std::function<void()> on_timeout);
  ~Fence();

  // The attach exchange was completed.
  void AgentBack();
  // It is over. Zero recovery_timeout: `on_timeout` from the loop, at once.
  void AgentLost();
  // Counts from the moment of the loss, not from now; but from now where a
  // pause ends with it: it is not to fire for the time that was paused.
  void SetLease(const Lease& lease);
  // The executor is over by itself; nothing is to be fenced any more. Final:
  // kTerminating, as far as the link is concerned.
  void Disarm();

  LinkState state() const { return state_; }
  const Lease& lease() const { return lease_; }
  v1::FenceStatus Describe() const;

 private:
  void Arm();
  void CancelTimer();

  EventLoop& loop_;
  Lease lease_;
  std::function<void()> on_timeout_;
  LinkState state_ = LinkState::kDetached;
  absl::Duration lost_at_;
  EventLoop::TimerId timer_ = 0;
};

}  // namespace holdfast::shim
