#include "shim/client/executor_driver.h"

#include <poll.h>
#include <stdlib.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
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
#include "base/event_loop.h"
#include "base/mutex.h"
#include "base/unix_socket.h"
#include "base/uuid.h"
#include "shim/client/executor_stream.h"

namespace holdfast {
namespace {

constexpr absl::Duration kDefaultRecoveryTimeout = absl::Seconds(900);
constexpr absl::Duration kShortestPause = absl::Milliseconds(50);
constexpr absl::Duration kLongestPause = absl::Seconds(1);
// A shim that is there answers a subscription at once.
constexpr absl::Duration kAnswerTimeout = absl::Seconds(20);

// A shim takes no message of more than 4 MiB.
constexpr size_t kSubscribeBytes = size_t{1024} * 1024;

// As grpc++ takes them: "unix:/path", "unix:///path".
absl::StatusOr<std::string> SocketPath(absl::string_view endpoint) {
  absl::string_view path = endpoint;
  const bool is_unix = absl::ConsumePrefix(&path, "unix:");
  absl::ConsumePrefix(&path, "//");
  if (is_unix && !path.empty()) return std::string(path);
  return absl::InvalidArgumentError(
      absl::StrCat("executor endpoint ", endpoint, ": not unix:/path"));
}

// Whatever the loop has to do, without waiting.
void Turn(EventLoop& loop) {
  loop.RunNow([&loop] { loop.RunOnce(absl::ZeroDuration()); });
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

// The loop has no thread: who sends an update writes it, and Run()'s thread,
// asleep in poll(2), turns the loop when something comes.
class ExecutorDriver::Impl {
 public:
  Impl(std::string endpoint, absl::Duration recovery_timeout, Handlers handlers)
      : endpoint_(std::move(endpoint)),
        recovery_timeout_(recovery_timeout),
        handlers_(std::move(handlers)) {}

  void SendUpdate(v1::TaskStatus status) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Run() ABSL_LOCKS_EXCLUDED(mutex_);
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Update = v1::ExecutorCall::Update;

  absl::Status MakeLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Connect(const std::string& path);
  void Subscribe(UniqueFd connected) ABSL_LOCKS_EXCLUDED(mutex_);
  void Send(const Update& update) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Follow() ABSL_LOCKS_EXCLUDED(mutex_);
  // And how the stream ended, if it has.
  std::vector<v1::ExecutorEvent> TakeEvents(absl::optional<absl::Status>& ended)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Disconnect() ABSL_LOCKS_EXCLUDED(mutex_);
  // Until there is something to do or `at_most` has passed.
  void Sleep(absl::Duration at_most) ABSL_LOCKS_EXCLUDED(mutex_);
  void Pause(absl::Duration delay) ABSL_LOCKS_EXCLUDED(mutex_);
  void Handle(const v1::ExecutorEvent& event);
  void OnLaunch(const v1::TaskInfo& task);
  void OnAcknowledged(const std::string& uuid) ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsDone() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Duration Left() const { return last_seen_ + recovery_timeout_ - Now(); }

  const std::string endpoint_;
  const absl::Duration recovery_timeout_;
  const Handlers handlers_;

  // Run()'s thread alone.
  absl::flat_hash_set<std::string> launched_;  // no update of it is durable yet
  absl::Duration last_seen_;                   // the shim; since boot
  absl::Duration pause_ = kShortestPause;
  int wake_fd_ = -1;  // the loop's

  Mutex mutex_;
  std::deque<Update> unacknowledged_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Run()'s thread waits for the loop. When it does not, it may be in a handler
  // for long, and who sends an update turns the loop.
  bool asleep_ ABSL_GUARDED_BY(mutex_) = false;
  // From Run() on; null before.
  std::unique_ptr<EventLoop> loop_ ABSL_GUARDED_BY(mutex_);
  // Null: there is no shim. What is unacknowledged was sent on it.
  std::unique_ptr<ExecutorStream> stream_ ABSL_GUARDED_BY(mutex_);
};

void ExecutorDriver::Impl::SendUpdate(v1::TaskStatus status) {
  Update update;
  update.set_uuid(RandomUuid());
  *update.mutable_status() = std::move(status);
  const MutexLock lock(mutex_);
  unacknowledged_.push_back(std::move(update));
  if (stream_ == nullptr) return;
  Send(unacknowledged_.back());
  if (!asleep_) return Turn(*loop_);
  if (stream_->has_news()) loop_->Post([] {});  // it sleeps no longer
}

void ExecutorDriver::Impl::Stop() {
  const MutexLock lock(mutex_);
  stopping_ = true;
  if (loop_ != nullptr) loop_->Post([] {});
}

absl::Status ExecutorDriver::Impl::Run() {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string path, SocketPath(endpoint_));
  HOLDFAST_RETURN_IF_ERROR(MakeLoop());
  last_seen_ = Now();
  while (!IsDone()) {
    const absl::Status ended = Connect(path);
    if (IsDone()) break;
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

absl::Status ExecutorDriver::Impl::MakeLoop() {
  const MutexLock lock(mutex_);
  HOLDFAST_ASSIGN_OR_RETURN(loop_, EventLoop::Create());
  wake_fd_ = loop_->fd();
  return absl::OkStatus();
}

absl::Status ExecutorDriver::Impl::Connect(const std::string& path) {
  absl::StatusOr<UniqueFd> connected = ConnectUnix(path);
  if (!connected.ok()) {
    return absl::UnavailableError(connected.status().message());
  }
  Subscribe(*std::move(connected));
  const absl::Status ended = Follow();
  Disconnect();
  return ended;
}

// What does not fit into the first message follows it in others.
void ExecutorDriver::Impl::Subscribe(UniqueFd connected) {
  const MutexLock lock(mutex_);
  stream_ = std::make_unique<ExecutorStream>(*loop_, std::move(connected));
  v1::ExecutorCall call;
  v1::ExecutorCall::Subscribe& subscribe = *call.mutable_subscribe();
  size_t bytes = 0;
  auto update = unacknowledged_.begin();
  for (; update != unacknowledged_.end(); ++update) {
    bytes += update->ByteSizeLong();
    if (bytes > kSubscribeBytes) break;
    *subscribe.add_unacknowledged() = *update;
  }
  stream_->Send(call);
  for (; update != unacknowledged_.end(); ++update) Send(*update);
}

void ExecutorDriver::Impl::Send(const Update& update) {
  v1::ExecutorCall call;
  *call.mutable_update() = update;
  stream_->Send(call);
}

// To the end of the stream, or until all is done.
absl::Status ExecutorDriver::Impl::Follow() {
  const absl::Duration answer_by = Now() + std::min(kAnswerTimeout, Left());
  bool subscribed = false;
  while (!IsDone()) {
    Sleep(subscribed ? absl::InfiniteDuration() : answer_by - Now());
    absl::optional<absl::Status> ended;
    for (const v1::ExecutorEvent& event : TakeEvents(ended)) {
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

std::vector<v1::ExecutorEvent> ExecutorDriver::Impl::TakeEvents(
    absl::optional<absl::Status>& ended) {
  const MutexLock lock(mutex_);
  ended = stream_->ended();
  return stream_->TakeEvents();
}

void ExecutorDriver::Impl::Disconnect() {
  const MutexLock lock(mutex_);
  stream_ = nullptr;
}

void ExecutorDriver::Impl::Sleep(absl::Duration at_most) {
  {
    const MutexLock lock(mutex_);
    if (stream_ != nullptr && stream_->has_news()) return;
    asleep_ = true;
  }
  int timeout_ms = -1;
  if (at_most != absl::InfiniteDuration()) {  // rounded up, not to spin
    timeout_ms = static_cast<int>(absl::ToInt64Milliseconds(
        std::max(at_most, absl::ZeroDuration()) + absl::Milliseconds(1)));
  }
  pollfd ready = {.fd = wake_fd_, .events = POLLIN, .revents = 0};
  poll(&ready, 1, timeout_ms);
  const MutexLock lock(mutex_);
  asleep_ = false;
  Turn(*loop_);
}

void ExecutorDriver::Impl::Pause(absl::Duration delay) {
  const absl::Duration until = Now() + delay;
  while (!IsDone() && Now() < until) Sleep(until - Now());
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
      return OnAcknowledged(event.acknowledged().uuid());
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

void ExecutorDriver::Impl::OnAcknowledged(const std::string& uuid) {
  const MutexLock lock(mutex_);
  const auto found = std::find_if(  // nearly always the first
      unacknowledged_.begin(), unacknowledged_.end(),
      [&](const Update& update) { return update.uuid() == uuid; });
  if (found == unacknowledged_.end()) return;
  // The shim knows that the task was started, and will not say it again.
  launched_.erase(found->status().task_id());
  unacknowledged_.erase(found);
}

bool ExecutorDriver::Impl::IsDone() {
  const MutexLock lock(mutex_);
  return stopping_ && unacknowledged_.empty();
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
  impl_->SendUpdate(std::move(status));
}

absl::Status ExecutorDriver::Run() { return impl_->Run(); }

void ExecutorDriver::Stop() { impl_->Stop(); }

}  // namespace holdfast
