#include "shim/client/executor_driver.h"

#include <grpcpp/grpcpp.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "api/time_convert.h"
#include "base/clock.h"
#include "base/errors.h"
#include "base/uuid.h"

namespace holdfast {
namespace {

constexpr absl::Duration kDefaultRecoveryTimeout = absl::Seconds(900);
constexpr absl::Duration kShortestPause = absl::Milliseconds(50);
constexpr absl::Duration kLongestPause = absl::Seconds(1);

// What a shim's socket and window take while the shim reads nothing: to write
// so much does not wait. The kernel charges the smallest write with a thousand
// bytes nearly.
constexpr size_t kTakenAtOnceBytes = 32 * 1024;
constexpr size_t kTakenAtOnce = 64;

// A channel of its own for each connection: one that is kept would wait out
// the backoff of its failures, with a new shim already there.
std::unique_ptr<v1::Executor::Stub> NewStub(const std::string& endpoint) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(-1);
  return v1::Executor::NewStub(grpc::CreateCustomChannel(
      endpoint, grpc::InsecureChannelCredentials(), arguments));
}

absl::Status ToAbsl(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

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

// One stream to one life of the shim.
class ExecutorDriver::Connection {
 public:
  explicit Connection(const std::string& endpoint)
      : stub_(NewStub(endpoint)), stream_(stub_->Connect(&context_)) {}

  // One thread reads, another may write meanwhile. False: the stream is over.
  bool Read(v1::ExecutorEvent& event) { return stream_->Read(&event); }
  bool Write(const v1::ExecutorCall& call) { return stream_->Write(call); }

  // Ends the stream: what waits in Read and Write returns.
  void Cancel() { context_.TryCancel(); }

  // After Read returned false.
  absl::Status Finish() { return ToAbsl(stream_->Finish()); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<v1::Executor::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ExecutorCall, v1::ExecutorEvent>>
      stream_;
};

absl::StatusOr<std::unique_ptr<ExecutorDriver>> ExecutorDriver::FromEnvironment(
    Handlers handlers) {
  const char* endpoint = getenv("HOLDFAST_EXECUTOR_ENDPOINT");
  if (endpoint == nullptr) {
    return absl::FailedPreconditionError(
        "HOLDFAST_EXECUTOR_ENDPOINT is not set: not started by a shim");
  }
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
    : endpoint_(std::move(endpoint)),
      recovery_timeout_(recovery_timeout),
      handlers_(std::move(handlers)) {}

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
  v1::ExecutorCall call;
  Connection* connection;
  {
    const MutexLock lock(mutex_);
    unacknowledged_bytes_ += update.ByteSizeLong();
    unacknowledged_.push_back(std::move(update));
    // By the writer's thread it takes a wake-up longer.
    const bool here = subscribed_ && sent_ + 1 == unacknowledged_.size() &&
                      unacknowledged_.size() <= kTakenAtOnce &&
                      unacknowledged_bytes_ <= kTakenAtOnceBytes;
    connection = here ? TakeNext(call) : nullptr;
    if (connection == nullptr) return changed_.notify_all();
  }
  connection->Write(call);  // the reader sees the end as well
  Written();
}

void ExecutorDriver::Stop() {
  const MutexLock lock(mutex_);
  stopping_ = true;
  CancelIfDone();
}

absl::Status ExecutorDriver::Run() {
  last_seen_ = SystemClock().SinceBoot();
  pause_ = kShortestPause;
  while (!IsDone()) {
    const absl::Status ended = Connect();
    if (IsDone()) break;
    if (!MayPass(ended)) return Annotate(ended, "executor stream");
    const absl::Duration left =
        last_seen_ + recovery_timeout_ - SystemClock().SinceBoot();
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

absl::Status ExecutorDriver::Connect() {
  Connection connection(endpoint_);
  connection.Write(Subscribe(connection));  // if not, Read is over at once
  v1::ExecutorEvent event;
  if (connection.Read(event) && event.has_subscribed()) {
    BeginWriting();
    std::thread writer([this] { WriteUpdates(); });
    while (connection.Read(event)) Handle(event);
    Disconnect();
    writer.join();
    last_seen_ = SystemClock().SinceBoot();
    pause_ = kShortestPause;
  } else {
    Disconnect();
    connection.Cancel();  // whatever answered, it is no shim
  }
  return connection.Finish();
}

v1::ExecutorCall ExecutorDriver::Subscribe(Connection& connection) {
  v1::ExecutorCall call;
  const MutexLock lock(mutex_);
  connection_ = &connection;
  CancelIfDone();  // Stop() may have come before it could
  for (const v1::ExecutorCall::Update& update : unacknowledged_) {
    *call.mutable_subscribe()->add_unacknowledged() = update;
  }
  call.mutable_subscribe();  // with nothing to say, too
  sent_ = unacknowledged_.size();
  return call;
}

// By then nobody writes; what was being written has failed.
void ExecutorDriver::Disconnect() {
  const MutexLock lock(mutex_);
  connection_ = nullptr;
  subscribed_ = false;
  changed_.notify_all();
  while (writing_) changed_.wait(mutex_);
}

void ExecutorDriver::BeginWriting() {
  const MutexLock lock(mutex_);
  subscribed_ = true;
}

void ExecutorDriver::WriteUpdates() {
  v1::ExecutorCall call;
  while (Connection* const connection = AwaitNext(call)) {
    connection->Write(call);  // the reader sees the end as well
    Written();
  }
}

ExecutorDriver::Connection* ExecutorDriver::AwaitNext(v1::ExecutorCall& call) {
  const MutexLock lock(mutex_);
  while (connection_ != nullptr) {
    if (Connection* const connection = TakeNext(call)) return connection;
    changed_.wait(mutex_);
  }
  return nullptr;
}

ExecutorDriver::Connection* ExecutorDriver::TakeNext(v1::ExecutorCall& call) {
  if (writing_ || sent_ == unacknowledged_.size()) return nullptr;
  *call.mutable_update() = unacknowledged_[sent_++];
  writing_ = true;
  return connection_;
}

void ExecutorDriver::Written() {
  const MutexLock lock(mutex_);
  writing_ = false;
  const bool awaited = connection_ == nullptr || sent_ < unacknowledged_.size();
  if (awaited) changed_.notify_all();
}

void ExecutorDriver::Handle(const v1::ExecutorEvent& event) {
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
void ExecutorDriver::OnLaunch(const v1::TaskInfo& task) {
  if (!launched_.insert(task.task_id()).second) return;
  if (handlers_.launch) handlers_.launch(task);
}

void ExecutorDriver::OnAcknowledged(const std::string& uuid) {
  const MutexLock lock(mutex_);
  for (size_t i = 0; i < sent_; ++i) {  // nearly always the first
    if (unacknowledged_[i].uuid() != uuid) continue;
    // The shim knows that the task was started, and will not say it again.
    launched_.erase(unacknowledged_[i].status().task_id());
    unacknowledged_bytes_ -= unacknowledged_[i].ByteSizeLong();
    unacknowledged_.erase(unacknowledged_.begin() +
                          static_cast<std::ptrdiff_t>(i));
    --sent_;
    break;
  }
  CancelIfDone();
}

bool ExecutorDriver::IsDone() {
  const MutexLock lock(mutex_);
  return stopping_ && unacknowledged_.empty();
}

void ExecutorDriver::CancelIfDone() {
  if (!stopping_ || !unacknowledged_.empty()) return;
  if (connection_ != nullptr) connection_->Cancel();
  changed_.notify_all();
}

void ExecutorDriver::Pause(absl::Duration delay) {
  const auto until =
      std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(delay);
  const MutexLock lock(mutex_);
  while (!(stopping_ && unacknowledged_.empty()) &&
         changed_.wait_until(mutex_, until) != std::cv_status::timeout) {
  }
}

}  // namespace holdfast
