#include "shim/client/executor_wire.h"

#include <poll.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/errors.h"

namespace holdfast {
namespace {

// A shim takes no message of more than 4 MiB.
constexpr size_t kSubscribeBytes = size_t{1024} * 1024;

// Whatever the loop has to do now.
void Turn(EventLoop& loop) {
  loop.RunNow([&loop] { loop.RunOnce(absl::ZeroDuration()); });
}

// Rounded up, not to spin until then.
int PollTimeout(absl::Duration at_most) {
  if (at_most == absl::InfiniteDuration()) return -1;
  return static_cast<int>(absl::ToInt64Milliseconds(
      std::max(at_most, absl::ZeroDuration()) + absl::Milliseconds(1)));
}

}  // namespace

void ExecutorWire::Send(Update update) {
  const MutexLock lock(mutex_);
  unacknowledged_.push_back(std::move(update));
  if (stream_ == nullptr) return;
  Write(unacknowledged_.back());
  if (!waiting_) return Turn(*loop_);  // who waits is in a handler, for long?
  if (stream_->has_news()) loop_->Post([] {});  // and who waits has to know
}

void ExecutorWire::Write(const Update& update) {
  v1::ExecutorCall call;
  *call.mutable_update() = update;
  stream_->Send(call);
}

void ExecutorWire::Stop() {
  const MutexLock lock(mutex_);
  stopping_ = true;
  if (loop_ != nullptr) loop_->Post([] {});  // wakes who waits
}

bool ExecutorWire::IsDone() {
  const MutexLock lock(mutex_);
  return stopping_ && unacknowledged_.empty();
}

absl::Status ExecutorWire::Open() {
  const MutexLock lock(mutex_);
  HOLDFAST_ASSIGN_OR_RETURN(loop_, EventLoop::Create());
  wake_fd_ = loop_->fd();
  return absl::OkStatus();
}

// What does not fit into the first message follows it in others.
void ExecutorWire::Connect(UniqueFd connected) {
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
  for (; update != unacknowledged_.end(); ++update) Write(*update);
}

void ExecutorWire::Disconnect() {
  const MutexLock lock(mutex_);
  stream_ = nullptr;
}

void ExecutorWire::Wait(absl::Duration at_most) {
  {
    const MutexLock lock(mutex_);
    if (stream_ != nullptr && stream_->has_news()) return;
    waiting_ = true;
  }
  pollfd ready = {.fd = wake_fd_, .events = POLLIN, .revents = 0};
  poll(&ready, 1, PollTimeout(at_most));
  const MutexLock lock(mutex_);
  waiting_ = false;
  Turn(*loop_);
}

std::vector<v1::ExecutorEvent> ExecutorWire::Take(
    absl::optional<absl::Status>& ended) {
  const MutexLock lock(mutex_);
  ended = stream_->ended();
  return stream_->TakeEvents();
}

std::string ExecutorWire::Acknowledge(const std::string& uuid) {
  const MutexLock lock(mutex_);
  const auto found = std::find_if(  // nearly always the first
      unacknowledged_.begin(), unacknowledged_.end(),
      [&](const Update& update) { return update.uuid() == uuid; });
  if (found == unacknowledged_.end()) return "";
  std::string task_id = found->status().task_id();
  unacknowledged_.erase(found);
  return task_id;
}

}  // namespace holdfast
