#include "shim/containerd/event_queue.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/containerd/forward.pb.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "base/log.h"
#include "base/unix_socket.h"

namespace holdfast::containerd {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(5);
// Between the tries of one event; the stock shims give up after as long.
constexpr std::array kPauses = {
    absl::Milliseconds(100), absl::Milliseconds(300), absl::Seconds(1),
    absl::Seconds(2),        absl::Seconds(3),        absl::Seconds(4),
    absl::Seconds(5)};
// A daemon that has just come back dials its shims before those who subscribe
// to it are there.
constexpr absl::Duration kAgainAfter = absl::Seconds(3);
// Without a daemon, of events that nobody needs later.
constexpr size_t kMaxWaiting = 4096;

std::string ToRequest(const EventQueue::Event& event,
                      const std::string& name_space) {
  ::containerd::services::events::ttrpc::v1::ForwardRequest request;
  auto& envelope = *request.mutable_envelope();
  *envelope.mutable_timestamp() = ToProto(event.at);
  envelope.set_namespace_(name_space);
  envelope.set_topic(event.topic);
  envelope.mutable_event()->set_type_url(event.type);
  envelope.mutable_event()->set_value(event.bytes);
  return request.SerializeAsString();
}

// Whether another try may go better.
bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status);
}

}  // namespace

EventQueue::EventQueue(EventLoop& loop, std::string address,
                       std::string name_space)
    : loop_(loop),
      address_(std::move(address)),
      name_space_(std::move(name_space)) {}

EventQueue::~EventQueue() {
  loop_.Cancel(retry_timer_);
  loop_.Cancel(again_timer_);
  loop_.Cancel(flush_timer_);
}

void EventQueue::Publish(Event event) {
  if (address_.empty()) return;
  if (event.kept) DropFormer(event);
  if (waiting_.size() >= kMaxWaiting) {
    const auto victim =
        std::find_if(FirstUnsent(), waiting_.end(),
                     [](const Event& each) { return !each.kept; });
    if (victim != waiting_.end()) waiting_.erase(victim);
  }
  waiting_.push_back(std::move(event));
  if (retry_timer_ == 0) SendNext();
}

// The answer to what is being sent is about the front.
std::deque<EventQueue::Event>::iterator EventQueue::FirstUnsent() {
  return waiting_.begin() + (sending_ ? 1 : 0);
}

// One of a kind is kept of each process: memory may run out without end.
void EventQueue::DropFormer(const Event& event) {
  const auto is_former = [&event](const Event& each) {
    return each.kept && each.container_id == event.container_id &&
           each.process_id == event.process_id && each.topic == event.topic;
  };
  kept_.erase(std::remove_if(kept_.begin(), kept_.end(), is_former),
              kept_.end());
  // Each is sent once, where a daemon is there to take it.
  for (Event& each : waiting_) {
    if (is_former(each)) each.kept = false;
  }
}

template <typename Predicate>
void EventQueue::ForgetIf(Predicate predicate) {
  kept_.erase(std::remove_if(kept_.begin(), kept_.end(), predicate),
              kept_.end());
  // Sent once all the same.
  for (Event& event : waiting_) {
    if (predicate(event)) event.kept = false;
  }
}

void EventQueue::Forget(absl::string_view container_id,
                        absl::string_view process_id) {
  ForgetIf([&](const Event& event) {
    return event.container_id == container_id && event.process_id == process_id;
  });
}

void EventQueue::ForgetAll(absl::string_view container_id) {
  ForgetIf(
      [&](const Event& event) { return event.container_id == container_id; });
}

void EventQueue::DaemonIsBack() {
  if (address_.empty()) return;
  loop_.Cancel(retry_timer_);
  retry_timer_ = 0;
  failures_ = 0;
  SendKeptAgain();
  loop_.Cancel(again_timer_);
  again_timer_ = 0;
  if (waiting_.empty() && kept_.empty()) return;
  again_timer_ = loop_.After(kAgainAfter, [this] {
    again_timer_ = 0;
    SendKeptAgain();
  });
}

void EventQueue::DaemonIsThere() {
  if (waiting_.empty() || sending_) return;
  loop_.Cancel(retry_timer_);
  retry_timer_ = 0;
  SendNext();
}

// Before what waits, since it happened before.
void EventQueue::SendKeptAgain() {
  waiting_.insert(FirstUnsent(), kept_.begin(), kept_.end());
  kept_.clear();
  SendNext();
}

void EventQueue::SendNext() {
  if (sending_) return;
  if (waiting_.empty()) return CheckFlushed();
  if (client_ == nullptr || !client_->connected()) {
    absl::StatusOr<UniqueFd> connection = ConnectUnix(address_);
    if (!connection.ok()) return TryLater();
    client_ = std::make_unique<rpc::TtrpcClient>(loop_, *std::move(connection));
  }
  sending_ = true;
  client_->Call("containerd.services.events.ttrpc.v1.Events", "Forward",
                ToRequest(waiting_.front(), name_space_), kCallTimeout,
                {{"containerd-namespace-ttrpc", name_space_}},
                [this](const absl::StatusOr<std::string>& answer) {
                  sending_ = false;
                  OnAnswer(answer.status());
                });
}

void EventQueue::OnAnswer(const absl::Status& status) {
  if (IsTransient(status)) return TryLater();
  failures_ = 0;
  Event sent = std::move(waiting_.front());
  waiting_.pop_front();
  if (!status.ok()) {
    Log(Severity::kError, "containerd refused an event",
        {{"topic", sent.topic}, {"reason", status.ToString()}});
  }
  // What one daemon refused, as it ends, the next one may take.
  if (sent.kept) kept_.push_back(std::move(sent));
  SendNext();
}

void EventQueue::TryLater() {
  const size_t failures = static_cast<size_t>(failures_++);
  // From here on a daemon that comes back dials us.
  if (failures >= kPauses.size()) return;
  loop_.Cancel(retry_timer_);
  retry_timer_ = loop_.After(kPauses[failures], [this] {
    retry_timer_ = 0;
    SendNext();
  });
}

void EventQueue::Flush(absl::Duration timeout, std::function<void()> done) {
  DaemonIsThere();
  flushed_ = std::move(done);
  flush_timer_ = loop_.After(timeout, [this] {
    flush_timer_ = 0;
    if (flushed_) loop_.Post(std::exchange(flushed_, nullptr));
  });
  CheckFlushed();
}

void EventQueue::CheckFlushed() {
  if (!flushed_ || sending_ || !waiting_.empty()) return;
  loop_.Cancel(flush_timer_);
  loop_.Post(std::exchange(flushed_, nullptr));
}

}  // namespace holdfast::containerd
