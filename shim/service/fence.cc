#include "shim/service/fence.h"

#include <utility>

namespace holdfast::shim {

Fence::Fence(EventLoop& loop, absl::Duration recovery_timeout,
             std::function<void()> on_timeout)
    : loop_(loop),
      recovery_timeout_(recovery_timeout),
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
  if (recovery_timeout_ == absl::InfiniteDuration()) return;
  const absl::Duration passed = loop_.clock().SinceBoot() - lost_at_;
  timer_ = loop_.After(recovery_timeout_ - passed, [this] {
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

void Fence::SetTimeout(absl::Duration recovery_timeout) {
  recovery_timeout_ = recovery_timeout;
  if (state_ == LinkState::kDetached) Arm();
}

void Fence::Disarm() {
  state_ = LinkState::kTerminating;
  CancelTimer();
}

}  // namespace holdfast::shim
