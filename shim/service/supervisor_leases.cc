// Supervisor: its link to the agent, and how long it lives without one.

#include <signal.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "shim/service/supervisor.h"

namespace holdfast::shim {
namespace {

// A restarted agent attaches to all executors at once: none of them writes to
// the disk for that alone before the others had their turn.
constexpr absl::Duration kTimelineDelay = absl::Milliseconds(250);

absl::Status CheckDuration(const char* name,
                           const google::protobuf::Duration& duration) {
  if (FromProto(duration) >= absl::ZeroDuration()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("configure: ", name, " is negative"));
}

absl::Status Check(const v1::ShimConfigureRequest& request) {
  HOLDFAST_RETURN_IF_ERROR(
      CheckDuration("recovery_timeout", request.recovery_timeout()));
  HOLDFAST_RETURN_IF_ERROR(
      CheckDuration("extend_fence", request.extend_fence()));
  if (request.has_recovery_timeout() || request.has_fence_paused() ||
      request.has_extend_fence() || request.has_resources()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("configure: nothing is set");
}

bool ChangesFence(const v1::ShimConfigureRequest& request) {
  return request.has_recovery_timeout() || request.has_fence_paused() ||
         request.has_extend_fence();
}

}  // namespace

absl::StatusOr<v1::FenceStatus> Supervisor::Configure(
    const v1::ShimConfigureRequest& request) {
  HOLDFAST_RETURN_IF_ERROR(Check(request));
  if (phase_ == Phase::kReaping || phase_ == Phase::kOver) {
    return absl::FailedPreconditionError("configure: the executor has ended");
  }
  if (ChangesFence(request) && !facts().intent.checkpoint()) {
    return absl::FailedPreconditionError(
        "configure: its framework has no checkpoint, so it ends with its "
        "agent, whatever its fence is told");
  }
  v1::JournalRecord record;
  v1::Limits& limits = *record.mutable_limits();
  if (facts().limits) limits = *facts().limits;
  if (request.has_recovery_timeout()) {
    *limits.mutable_recovery_timeout() = request.recovery_timeout();
  }
  if (request.has_fence_paused()) {
    limits.set_fence_paused(request.fence_paused());
  }
  if (request.has_extend_fence()) {
    *limits.mutable_fence_not_before() =
        ToProto(loop_.clock().SinceBoot() + FromProto(request.extend_fence()));
  }
  if (request.has_resources()) {
    *limits.mutable_resources() = request.resources();
  }
  *limits.mutable_time() = ToProto(loop_.clock().Now());
  HOLDFAST_RETURN_IF_ERROR(Record({record}));
  HOLDFAST_FAILPOINT(LeaseRecorded);
  if (ChangesFence(request)) fence_.SetLease(LeaseOf(facts()));
  return fence_.Describe();
}

absl::Status Supervisor::Signal(int signal) {
  if (signal < 1 || signal > SIGRTMAX) {
    return absl::InvalidArgumentError(
        absl::StrCat("signal: ", signal, " is no signal"));
  }
  if (phase_ != Phase::kRunning && phase_ != Phase::kKilling) {
    return absl::FailedPreconditionError("signal: the executor has ended");
  }
  const absl::Status sent = process_.Signal(signal);
  if (absl::IsNotFound(sent)) {
    return absl::FailedPreconditionError("signal: the executor has ended");
  }
  return sent;
}

void Supervisor::AgentAttached(const std::string& incarnation) {
  fence_.AgentBack();
  fence_.SetLease(LeaseOf(facts()));
  if (phase_ == Phase::kOver || !told_detached_) return;
  v1::Attached& attached = *untold_attachment_.emplace().mutable_attached();
  attached.set_agent_incarnation(incarnation);
  *attached.mutable_time() = ToProto(loop_.clock().Now());
  loop_.Cancel(timeline_timer_);
  timeline_timer_ = loop_.After(kTimelineDelay, [this] {
    timeline_timer_ = 0;
    if (untold_attachment_ && phase_ != Phase::kOver) TellTimeline({});
  });
}

void Supervisor::AgentLost() {
  if (phase_ == Phase::kReaping || phase_ == Phase::kOver) return;
  const bool was_attached = fence_.state() == LinkState::kAttached;
  fence_.AgentLost();
  fence_.SetLease(LeaseOf(facts()));
  untold_attachment_.reset();
  if (!was_attached || told_detached_) return;
  v1::JournalRecord record;
  *record.mutable_detached()->mutable_time() = ToProto(loop_.clock().Now());
  TellTimeline({record});
  told_detached_ = true;
}

// For people who ask what happened; nothing depends on it.
void Supervisor::TellTimeline(std::vector<v1::JournalRecord> records) {
  if (absl::Status told = Record(std::move(records)); !told.ok()) {
    Log(Severity::kWarning, told.ToString());
  }
}

}  // namespace holdfast::shim
