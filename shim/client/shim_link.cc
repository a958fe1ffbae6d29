#include "shim/client/shim_link.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace holdfast {
namespace {

// A shim answers at once; one that is stopped or starved is told to the caller
// as Unavailable, and the call may be repeated.
constexpr absl::Duration kCallTimeout = absl::Seconds(10);

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

ShimLink::~ShimLink() = default;

void ShimLink::OnMessage(absl::string_view bytes) {
  v1::AttachResponse response;
  if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return attach_->Cancel();
  }
  switch (response.event_case()) {
    case v1::AttachResponse::kSnapshot: {
      events_.on_snapshot(response.snapshot());
      v1::AttachRequest confirm;
      confirm.mutable_confirm();
      if (attach_ != nullptr) attach_->Send(confirm.SerializeAsString());
      return;
    }
    case v1::AttachResponse::kConfirmed:
      return events_.on_attached();
    case v1::AttachResponse::kRecord:
      return events_.on_record(response.record());
    case v1::AttachResponse::kAcknowledged: {
      const v1::AttachResponse::Acknowledged& answer = response.acknowledged();
      auto waiting = acknowledging_.extract(answer.uuid());
      if (waiting.empty()) return;
      const absl::Status status(static_cast<absl::StatusCode>(answer.code()),
                                answer.message());
      for (const Done& done : waiting.mapped()) done(status);
      return;
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
    if (alive.expired()) return;
    for (auto& [uuid, waiting] : std::exchange(acknowledging_, {})) {
      for (const Done& done : waiting) {
        done(absl::UnavailableError(why.message()));
      }
    }
    std::exchange(events_.on_lost, nullptr)(why);
  });
}

void ShimLink::LaunchTask(const v1::TaskInfo& task, Done done) {
  v1::ShimLaunchTaskRequest request;
  *request.mutable_task() = task;
  Call("/holdfast.v1.Shim/LaunchTask", request.SerializeAsString(),
       std::move(done));
}

void ShimLink::Kill(const v1::ShimKillRequest& request, Done done) {
  Call("/holdfast.v1.Shim/Kill", request.SerializeAsString(),
       std::move(done));
}

void ShimLink::Call(absl::string_view method, const std::string& request,
                    Done done) {
  client_.Unary(method, request, kCallTimeout,
                [done = std::move(done)](absl::StatusOr<std::string> answer) {
                  // Both mean: it may be asked again.
                  if (absl::IsDeadlineExceeded(answer.status())) {
                    return done(absl::UnavailableError(
                        absl::StrCat("its shim does not answer: ",
                                     answer.status().message())));
                  }
                  done(answer.status());
                });
}

void ShimLink::Acknowledge(const std::string& uuid, Done done) {
  if (attach_ == nullptr) {
    loop_.Post([done = std::move(done)] {
      done(absl::UnavailableError("the shim has ended"));
    });
    return;
  }
  acknowledging_[uuid].push_back(std::move(done));
  v1::AttachRequest request;
  request.mutable_acknowledge()->set_uuid(uuid);
  attach_->Send(request.SerializeAsString());
}

}  // namespace holdfast
