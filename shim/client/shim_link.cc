#include "shim/client/shim_link.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/reasons.h"
#include "base/errors.h"
#include "base/failpoint.h"

namespace holdfast {
namespace {

// A shim answers at once; one that is stopped or starved is told to the caller
// as Unavailable, and the call may be repeated.
constexpr absl::Duration kCallTimeout = absl::Seconds(10);

absl::Status Unavailable(absl::string_view why) {
  return WithReason(absl::UnavailableError(why), "RECOVERING");
}

std::function<void(absl::StatusOr<std::string>)> StatusOnly(
    ShimLink::Done done) {
  return [done = std::move(done)](const absl::StatusOr<std::string>& answer) {
    done(answer.status());
  };
}

template <typename Response>
absl::StatusOr<Response> Parse(const absl::StatusOr<std::string>& answer) {
  if (!answer.ok()) return answer.status();
  Response response;
  if (!response.ParseFromString(*answer)) {
    return absl::InternalError(
        absl::StrCat(response.GetTypeName(), ": not a valid message"));
  }
  return response;
}

}  // namespace

ShimLink::ShimLink(EventLoop& loop, UniqueFd connected,
                   const std::string& agent_id,
                   const std::string& agent_incarnation, Events events)
    : loop_(loop),
      events_(std::move(events)),
      client_(loop, std::move(connected),
              [this](absl::Status why) { OnDone(why); }) {
  attach_ = client_.Start(
      "/holdfast.v1.Shim/Attach", absl::InfiniteDuration(),
      {.on_message = [this](absl::string_view bytes) { OnMessage(bytes); },
       .on_done = [this](absl::Status status) { OnDone(status); }});
  v1::AttachRequest hello;
  hello.mutable_hello()->set_agent_id(agent_id);
  hello.mutable_hello()->set_agent_incarnation(agent_incarnation);
  attach_->Send(hello.SerializeAsString());
}

ShimLink::~ShimLink() {
  for (const auto& [uuid, acknowledging] : acknowledging_) {
    loop_.Cancel(acknowledging.timer);
  }
}

void ShimLink::OnMessage(absl::string_view bytes) {
  v1::AttachResponse response;
  if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return attach_->Cancel();
  }
  switch (response.event_case()) {
    case v1::AttachResponse::kSnapshot: {
      HOLDFAST_FAILPOINT(SnapshotReceived);
      events_.on_snapshot(response.snapshot());
      v1::AttachRequest confirm;
      confirm.mutable_confirm();
      if (attach_ != nullptr) attach_->Send(confirm.SerializeAsString());
      return;
    }
    case v1::AttachResponse::kConfirmed:
      HOLDFAST_FAILPOINT(AttachmentConfirmed);
      return events_.on_attached();
    case v1::AttachResponse::kRecord:
      HOLDFAST_FAILPOINT(RecordReceived);
      return events_.on_record(response.record());
    case v1::AttachResponse::kAcknowledged: {
      HOLDFAST_FAILPOINT(AcknowledgementConfirmed);
      const v1::AttachResponse::Acknowledged& answer = response.acknowledged();
      return OnAcknowledged(
          answer.uuid(),
          absl::Status(static_cast<absl::StatusCode>(answer.code()),
                       answer.message()));
    }
    case v1::AttachResponse::EVENT_NOT_SET:
      return;  // a newer shim's; nothing that we know depends on it
  }
}

// The stream's end and the connection's come both, in this order or the other
// alone; the first one counts.
void ShimLink::OnDone(const absl::Status& status) {
  if (std::exchange(lost_, true)) return;
  attach_ = nullptr;
  const absl::Status why =
      status.ok() ? absl::UnavailableError("the shim has ended") : status;
  // From the loop, so that the client is not destroyed within its callback.
  loop_.Post([this, why, alive = std::weak_ptr<int>(alive_)] {
    if (!alive.expired()) FailAll(why);
  });
}

// Whoever waits is told after the owner, who knows by then that it is lost.
void ShimLink::FailAll(const absl::Status& why) {
  std::vector<Done> waiting;
  for (auto& [uuid, acknowledging] : acknowledging_) {
    loop_.Cancel(acknowledging.timer);
    for (Done& done : acknowledging.waiting) waiting.push_back(std::move(done));
  }
  for (auto& [number, done] : calls_) {
    waiting.push_back(
        [done = std::move(done)](const absl::Status& status) { done(status); });
  }
  acknowledging_.clear();
  calls_.clear();
  std::exchange(events_.on_lost, nullptr)(why);  // may destroy us
  const absl::Status unavailable =
      Unavailable(absl::StrCat("its shim was lost: ", why.message()));
  for (const Done& done : waiting) done(unavailable);
}

void ShimLink::LaunchTask(const v1::TaskInfo& task, Done done) {
  v1::ShimLaunchTaskRequest request;
  *request.mutable_task() = task;
  Call("/holdfast.v1.Shim/LaunchTask", request.SerializeAsString(),
       StatusOnly(std::move(done)));
}

void ShimLink::Kill(const v1::ShimKillRequest& request, Done done) {
  Call("/holdfast.v1.Shim/Kill", request.SerializeAsString(),
       StatusOnly(std::move(done)));
}

void ShimLink::Configure(
    const v1::ShimConfigureRequest& request,
    std::function<void(absl::StatusOr<v1::FenceStatus>)> done) {
  Call("/holdfast.v1.Shim/Configure", request.SerializeAsString(),
       [done = std::move(done)](const absl::StatusOr<std::string>& answer) {
         const auto response = Parse<v1::ShimConfigureResponse>(answer);
         if (!response.ok()) return done(response.status());
         done(response->fence());
       });
}

void ShimLink::Signal(int signal, Done done) {
  v1::ShimSignalRequest request;
  request.set_signal(signal);
  Call("/holdfast.v1.Shim/Signal", request.SerializeAsString(),
       StatusOnly(std::move(done)));
}

void ShimLink::Ask(Done done) {
  Call("/holdfast.v1.Shim/Status", v1::ShimStatusRequest().SerializeAsString(),
       StatusOnly(std::move(done)));
}

void ShimLink::RepairJournal(
    std::function<void(absl::StatusOr<std::string>)> done) {
  Call("/holdfast.v1.Shim/RepairJournal",
       v1::ShimRepairJournalRequest().SerializeAsString(),
       [done = std::move(done)](const absl::StatusOr<std::string>& answer) {
         const auto response = Parse<v1::ShimRepairJournalResponse>(answer);
         if (!response.ok()) return done(response.status());
         if (!response->rewritten()) return done("");
         done(absl::StrCat(
             "its shim wrote it anew; what was there is ",
             response->kept_as().empty() ? "gone" : response->kept_as()));
       });
}

void ShimLink::Call(absl::string_view method, const std::string& request,
                    Answered done) {
  const uint64_t number = ++last_call_;
  calls_.emplace(number, std::move(done));
  if (lost_) return;  // FailAll comes
  client_.Unary(method, request, kCallTimeout,
                [this, number](absl::StatusOr<std::string> answer) {
                  OnAnswer(number, std::move(answer));
                });
}

void ShimLink::OnAnswer(uint64_t number, absl::StatusOr<std::string> answer) {
  if (absl::IsUnavailable(answer.status())) return;  // FailAll comes
  HOLDFAST_FAILPOINT(CallAnswered);
  auto call = calls_.extract(number);
  if (call.empty()) return;
  if (absl::IsDeadlineExceeded(answer.status())) {
    return call.mapped()(Unavailable("its shim does not answer"));
  }
  call.mapped()(std::move(answer));
}

void ShimLink::Acknowledge(const std::string& uuid, Done done) {
  Acknowledging& acknowledging = acknowledging_[uuid];
  acknowledging.waiting.push_back(std::move(done));
  if (acknowledging.waiting.size() > 1 || lost_) return;
  acknowledging.timer = loop_.After(kCallTimeout, [this, uuid] {
    OnAcknowledged(uuid, Unavailable("its shim does not answer"));
  });
  v1::AttachRequest request;
  request.mutable_acknowledge()->set_uuid(uuid);
  attach_->Send(request.SerializeAsString());
}

void ShimLink::OnAcknowledged(const std::string& uuid,
                              const absl::Status& status) {
  auto answered = acknowledging_.extract(uuid);
  if (answered.empty()) return;
  loop_.Cancel(answered.mapped().timer);
  for (const Done& done : answered.mapped().waiting) done(status);
}

}  // namespace holdfast
