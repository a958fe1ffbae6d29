#include "shim/client/executor_driver.h"

#include <stdlib.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"
#include "api/executor.pb.h"
#include "api/time_convert.h"
#include "base/clock.h"
#include "base/errors.h"
#include "base/unix_socket.h"
#include "base/uuid.h"
#include "shim/client/executor_wire.h"

namespace holdfast {
namespace {

constexpr absl::Duration kDefaultRecoveryTimeout = absl::Seconds(900);
constexpr absl::Duration kShortestPause = absl::Milliseconds(50);
constexpr absl::Duration kLongestPause = absl::Seconds(1);
// To a subscription. It may come late on a busy host, also to an executor whose
// recovery timeout is zero.
constexpr absl::Duration kShortestAnswer = absl::Seconds(5);
constexpr absl::Duration kLongestAnswer = absl::Seconds(20);

// As grpc++ takes them: "unix:/path", "unix:///path".
absl::StatusOr<std::string> SocketPath(absl::string_view endpoint) {
  absl::string_view path = endpoint;
  const bool is_unix = absl::ConsumePrefix(&path, "unix:");
  absl::ConsumePrefix(&path, "//");
  if (is_unix && !path.empty()) return std::string(path);
  return absl::InvalidArgumentError(
      absl::StrCat("executor endpoint ", endpoint, ": not unix:/path"));
}

absl::Duration Now() { return SystemClock().SinceBoot(); }

// Whether another connection may end otherwise.
bool MayPass(const absl::Status& ended) {
  switch (ended.code()) {
    case absl::StatusCode::kOk:  // the shim that ends is replaced, or kills us
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnavailable:
      return true;
    default:
      return false;
  }
}

}  // namespace

// Run()'s thread, from one life of the shim to the next.
class ExecutorDriver::Impl {
 public:
  Impl(std::string endpoint, absl::Duration recovery_timeout, Handlers handlers)
      : endpoint_(std::move(endpoint)),
        recovery_timeout_(recovery_timeout),
        handlers_(std::move(handlers)) {}

  absl::Status Run();
  ExecutorWire& wire() { return wire_; }

 private:
  absl::Status Connect(const std::string& path);
  absl::Status Follow();
  void Pause(absl::Duration delay);
  void Handle(const v1::ExecutorEvent& event);
  void OnLaunch(const v1::TaskInfo& task);
  absl::Duration Left() const { return last_seen_ + recovery_timeout_ - Now(); }

  const std::string endpoint_;
  const absl::Duration recovery_timeout_;
  const Handlers handlers_;
  ExecutorWire wire_;
  absl::flat_hash_set<std::string> launched_;  // no update of it is durable yet
  absl::Duration last_seen_;                   // the shim; since boot
  absl::Duration pause_ = kShortestPause;
};

absl::Status ExecutorDriver::Impl::Run() {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string path, SocketPath(endpoint_));
  HOLDFAST_RETURN_IF_ERROR(wire_.Open());
  last_seen_ = Now();
  while (!wire_.IsDone()) {
    const absl::Status ended = Connect(path);
    if (wire_.IsDone()) break;
    if (!MayPass(ended)) return Annotate(ended, "executor stream");
    const absl::Duration left = Left();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(
          absl::StrCat("no shim for ", absl::FormatDuration(recovery_timeout_),
                       ": ", ended.message()));
    }
    Pause(std::min(pause_, left));
    pause_ = std::min(pause_ * 2, kLongestPause);
  }
  return absl::OkStatus();
}

absl::Status ExecutorDriver::Impl::Connect(const std::string& path) {
  absl::StatusOr<UniqueFd> connected = ConnectUnix(path);
  if (!connected.ok()) {
    return absl::UnavailableError(connected.status().message());
  }
  wire_.Connect(*std::move(connected));
  absl::Status ended = Follow();
  wire_.Disconnect();
  return ended;
}

// To the end of the stream, or until all is done.
absl::Status ExecutorDriver::Impl::Follow() {
  const absl::Duration answer_by =
      Now() + std::clamp(Left(), kShortestAnswer, kLongestAnswer);
  bool subscribed = false;
  while (!wire_.IsDone()) {
    wire_.Wait(subscribed ? absl::InfiniteDuration() : answer_by - Now());
    absl::optional<absl::Status> ended;
    for (const v1::ExecutorEvent& event : wire_.Take(ended)) {
      if (!subscribed && !event.has_subscribed()) {
        return absl::UnavailableError("what answers is no shim");
      }
      subscribed = true;
      Handle(event);
    }
    if (subscribed) {
      last_seen_ = Now();
      pause_ = kShortestPause;
    }
    if (ended) return *ended;
    if (!subscribed && Now() >= answer_by) {
      return absl::UnavailableError("the shim does not answer");
    }
  }
  return absl::OkStatus();
}

void ExecutorDriver::Impl::Pause(absl::Duration delay) {
  const absl::Duration until = Now() + delay;
  while (!wire_.IsDone() && Now() < until) wire_.Wait(until - Now());
}

void ExecutorDriver::Impl::Handle(const v1::ExecutorEvent& event) {
  switch (event.event_case()) {
    case v1::ExecutorEvent::kLaunch:
      return OnLaunch(event.launch().task());
    case v1::ExecutorEvent::kKill:
      if (handlers_.kill) {
        handlers_.kill(event.kill().task_id(),
                       FromProto(event.kill().grace_period()));
      }
      return;
    case v1::ExecutorEvent::kAcknowledged:
      // It knows that the task was started, and will not say so again.
      launched_.erase(wire_.Acknowledge(event.acknowledged().uuid()));
      return;
    case v1::ExecutorEvent::kShutdown:
      if (handlers_.shutdown) {
        handlers_.shutdown(FromProto(event.shutdown().grace_period()));
      }
      return;
    case v1::ExecutorEvent::kSubscribed:
    case v1::ExecutorEvent::EVENT_NOT_SET:  // a newer shim's
      return;
  }
}

// A shim that was replaced before it heard of the task says it once more.
void ExecutorDriver::Impl::OnLaunch(const v1::TaskInfo& task) {
  if (!launched_.insert(task.task_id()).second) return;
  if (handlers_.launch) handlers_.launch(task);
}

absl::StatusOr<std::unique_ptr<ExecutorDriver>> ExecutorDriver::FromEnvironment(
    Handlers handlers) {
  const char* endpoint = getenv("HOLDFAST_EXECUTOR_ENDPOINT");
  if (endpoint == nullptr) {
    return absl::FailedPreconditionError(
        "HOLDFAST_EXECUTOR_ENDPOINT is not set: not started by a shim");
  }
  HOLDFAST_RETURN_IF_ERROR(SocketPath(endpoint).status());
  absl::Duration recovery_timeout = kDefaultRecoveryTimeout;
  if (const char* text = getenv("HOLDFAST_RECOVERY_TIMEOUT")) {
    double seconds = 0;
    if (!absl::SimpleAtod(text, &seconds) || !(seconds >= 0)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "HOLDFAST_RECOVERY_TIMEOUT=", text, ": not a number of seconds"));
    }
    recovery_timeout = absl::Seconds(seconds);
  }
  return std::make_unique<ExecutorDriver>(endpoint, recovery_timeout,
                                          std::move(handlers));
}

ExecutorDriver::ExecutorDriver(std::string endpoint,
                               absl::Duration recovery_timeout,
                               Handlers handlers)
    : impl_(std::make_unique<Impl>(std::move(endpoint), recovery_timeout,
                                   std::move(handlers))) {}

ExecutorDriver::~ExecutorDriver() = default;

void ExecutorDriver::SendUpdate(const std::string& task_id, v1::TaskState state,
                                const std::string& message) {
  v1::TaskStatus status;
  status.set_task_id(task_id);
  status.set_state(state);
  status.set_message(message);
  SendUpdate(std::move(status));
}

void ExecutorDriver::SendUpdate(v1::TaskStatus status) {
  v1::ExecutorCall::Update update;
  update.set_uuid(RandomUuid());
  *update.mutable_status() = std::move(status);
  impl_->wire().Send(std::move(update));
}

absl::Status ExecutorDriver::Run() { return impl_->Run(); }

void ExecutorDriver::Stop() { impl_->wire().Stop(); }

}  // namespace holdfast
