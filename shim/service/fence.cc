#include "shim/service/fence.h"

#include <utility>

namespace holdfast::shim {
namespace {

v1::FenceStatus::State StateOf(LinkState state) {
  switch (state) {
    case LinkState::kAttached:
      return v1::FenceStatus::ATTACHED;
    case LinkState::kDetached:
      return v1::FenceStatus::DETACHED;
    case LinkState::kTerminating:
      return v1::FenceStatus::TERMINATING;
  }
  return v1::FenceStatus::STATE_UNSPECIFIED;
}

}  // namespace

Fence::Fence(EventLoop& loop, const Lease& lease,
             std::function<void()> on_timeout)
    : loop_(loop),
      lease_(lease),
      on_timeout_(std::move(on_timeout)),
      lost_at_(loop.clock().SinceBoot()) {
  Arm();
}

Fence::~Fence() { CancelTimer(); }

void Fence::CancelTimer() {
  loop_.Cancel(timer_);
  timer_ = 0;
}

void Fence::Arm() {
  CancelTimer();
  const absl::Duration fires_at = lease_.FiresAt(lost_at_);
  if (fires_at == absl::InfiniteDuration()) return;
  timer_ = loop_.After(fires_at - loop_.clock().SinceBoot(), [this] {
    timer_ = 0;
    const LinkState before =
        std::exchange(state_, Next(state_, LinkEvent::kTimeoutPassed));
    if (before != state_) on_timeout_();
  });
}

void Fence::AgentBack() {
  state_ = Next(state_, LinkEvent::kAgentBack);
  if (state_ == LinkState::kAttached) CancelTimer();
}

void Fence::AgentLost() {
  const LinkState before =
      std::exchange(state_, Next(state_, LinkEvent::kAgentLost));
  if (before == state_) return;
  lost_at_ = loop_.clock().SinceBoot();
  Arm();
}

void Fence::SetLease(const Lease& lease) {
  const bool pause_ends = lease_.paused && !lease.paused;
  lease_ = lease;
  if (state_ != LinkState::kDetached) return;
  if (pause_ends) lost_at_ = loop_.clock().SinceBoot();
  Arm();
}

void Fence::Disarm() {
  state_ = LinkState::kTerminating;
  CancelTimer();
}

v1::FenceStatus Fence::Describe() const {
  const absl::Duration now = loop_.clock().SinceBoot();
  const bool attached = state_ == LinkState::kAttached;
  return DescribeFence(StateOf(state_), lease_, attached ? now : lost_at_, now);
}

}  // namespace holdfast::shim
