#include "shim/service/attach_service.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/ids.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "base/log.h"
#include "base/version.h"

namespace holdfast::shim {
namespace {

template <typename Message>
absl::StatusOr<Message> Parse(absl::string_view bytes) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError(
        absl::StrCat(message.GetTypeName(), ": not a valid message"));
  }
  return message;
}

}  // namespace

// One Attach stream: hello, confirm, then acknowledgements.
class AttachService::Session : public rpc::CallHandler {
 public:
  Session(AttachService& service, rpc::ServerCall& call)
      : service_(service), call_(call) {}

  ~Session() override { Leave(); }

  void OnMessage(absl::string_view bytes) override {
    absl::StatusOr<v1::AttachRequest> request = Parse<v1::AttachRequest>(bytes);
    if (!request.ok()) return call_.Finish(request.status());
    switch (request->call_case()) {
      case v1::AttachRequest::kHello:
        return OnHello(request->hello());
      case v1::AttachRequest::kConfirm:
        return OnConfirm();
      case v1::AttachRequest::kAcknowledge:
        return OnAcknowledge(request->acknowledge().uuid());
      case v1::AttachRequest::CALL_NOT_SET:
        return call_.Finish(absl::InvalidArgumentError(
            "attach: neither hello, confirm nor acknowledge"));
    }
  }

  void OnHalfClose() override { call_.Finish(absl::OkStatus()); }
  void OnGone() override { Leave(); }

  // False: the agent does not read; it is lost.
  bool Send(const v1::AttachResponse& response) {
    if (call_.unsent_bytes() > kMostUnsentBytes + snapshot_bytes_) {
      Log(Severity::kWarning, "the agent does not read; its stream is dropped",
          {{"unsent_bytes", call_.unsent_bytes()}});
      call_.Drop();
      Leave();
      return false;
    }
    call_.Send(response.SerializeAsString());
    return true;
  }
  void Finish(const absl::Status& status) { call_.Finish(status); }

 private:
  Supervisor& supervisor() { return service_.supervisor_; }
  bool IsCurrent() const { return service_.current_ == this; }

  void OnHello(const v1::AttachRequest::Hello& hello) {
    const v1::Intent& intent = supervisor().facts().intent;
    if (hello.agent_id() != intent.agent_id()) {
      return call_.Finish(absl::FailedPreconditionError(absl::StrCat(
          "attach: container ", intent.container_id(), " belongs to agent ",
          intent.agent_id(), ", not to ", hello.agent_id())));
    }
    if (IsCurrent()) {
      return call_.Finish(absl::InvalidArgumentError("attach: a second hello"));
    }
    if (Session* former = std::exchange(service_.current_, nullptr)) {
      former->Finish(absl::AbortedError("another agent attached"));
      supervisor().AgentLost();  // the newer one has yet to confirm
    }
    service_.current_ = this;
    incarnation_ = hello.agent_incarnation();
    SendSnapshot();
    if (supervisor().phase() == Phase::kOver) call_.Finish(absl::OkStatus());
  }

  void SendSnapshot() {
    v1::AttachResponse response;
    v1::AttachResponse::Snapshot& snapshot = *response.mutable_snapshot();
    snapshot.set_shim_pid(getpid());
    snapshot.set_version(kVersion);
    for (v1::JournalRecord& record : supervisor().facts().Condensed()) {
      // Large, and the executor's alone.
      if (record.has_intent()) {
        record.mutable_intent()->clear_launch();
        record.mutable_intent()->mutable_task()->clear_data();
      } else if (record.has_task_intent()) {
        record.mutable_task_intent()->mutable_task()->clear_data();
      }
      *snapshot.add_records() = std::move(record);
    }
    snapshot_bytes_ = response.ByteSizeLong();
    Send(response);
  }

  void OnConfirm() {
    if (!IsCurrent()) {
      return call_.Finish(
          absl::FailedPreconditionError("attach: confirm before hello"));
    }
    v1::AttachResponse response;
    response.mutable_confirmed();
    if (!Send(response)) return;
    supervisor().AgentAttached(incarnation_);
  }

  void OnAcknowledge(const std::string& uuid) {
    if (!IsCurrent()) {
      return call_.Finish(
          absl::FailedPreconditionError("attach: acknowledge before hello"));
    }
    const absl::Status status = supervisor().Acknowledge(uuid);
    v1::AttachResponse response;
    v1::AttachResponse::Acknowledged& answer = *response.mutable_acknowledged();
    answer.set_uuid(uuid);
    answer.set_code(static_cast<int>(status.code()));
    answer.set_message(std::string(status.message()));
    Send(response);
  }

  void Leave() {
    if (!IsCurrent()) return;
    service_.current_ = nullptr;
    supervisor().AgentLost();
  }

  AttachService& service_;
  rpc::ServerCall& call_;
  std::string incarnation_;
  size_t snapshot_bytes_ = 0;
};

AttachService::AttachService(rpc::GrpcServer& server, Supervisor& supervisor)
    : supervisor_(supervisor) {
  server.AddMethod("/holdfast.v1.Shim/Attach", [this](rpc::ServerCall& call) {
    return std::make_unique<Session>(*this, call);
  });
  AddUnaryMethods(server);
}

AttachService::~AttachService() = default;

void AttachService::AddUnaryMethods(rpc::GrpcServer& server) {
  server.AddUnary(
      "/holdfast.v1.Shim/LaunchTask",
      [this](absl::string_view bytes,
             rpc::ServerCall&) -> absl::StatusOr<std::string> {
        HOLDFAST_ASSIGN_OR_RETURN(const auto request,
                                  Parse<v1::ShimLaunchTaskRequest>(bytes));
        HOLDFAST_RETURN_IF_ERROR(
            ValidateId("task_id", request.task().task_id()));
        HOLDFAST_RETURN_IF_ERROR(supervisor_.LaunchTask(request.task()));
        return v1::ShimLaunchTaskResponse().SerializeAsString();
      });
  server.AddUnary("/holdfast.v1.Shim/Kill",
                  [this](absl::string_view bytes,
                         rpc::ServerCall&) -> absl::StatusOr<std::string> {
                    HOLDFAST_ASSIGN_OR_RETURN(
                        auto request, Parse<v1::ShimKillRequest>(bytes));
                    v1::KillRequested kill;
                    kill.set_task_id(request.task_id());
                    kill.set_reason(request.reason());
                    if (request.has_grace_period()) {
                      *kill.mutable_grace_period() = request.grace_period();
                    }
                    HOLDFAST_RETURN_IF_ERROR(supervisor_.Kill(std::move(kill)));
                    return v1::ShimKillResponse().SerializeAsString();
                  });
  server.AddUnary(
      "/holdfast.v1.Shim/Configure",
      [this](absl::string_view bytes,
             rpc::ServerCall&) -> absl::StatusOr<std::string> {
        HOLDFAST_ASSIGN_OR_RETURN(const auto request,
                                  Parse<v1::ShimConfigureRequest>(bytes));
        const absl::Duration timeout = FromProto(request.recovery_timeout());
        // What is missing would read as zero, and end the executor.
        if (!request.has_recovery_timeout() || timeout < absl::ZeroDuration()) {
          return absl::InvalidArgumentError(
              "configure: recovery_timeout is missing or negative");
        }
        HOLDFAST_RETURN_IF_ERROR(supervisor_.SetRecoveryTimeout(timeout));
        return v1::ShimConfigureResponse().SerializeAsString();
      });
}

void AttachService::OnRecord(const v1::JournalRecord& record) {
  if (current_ == nullptr) return;
  v1::AttachResponse response;
  *response.mutable_record() = record;
  current_->Send(response);
}

void AttachService::OnOver() {
  if (Session* session = std::exchange(current_, nullptr)) {
    session->Finish(absl::OkStatus());
  }
}

void AttachService::OnConnectionClosed() {
  if (current_ == nullptr) supervisor_.AgentLost();
}

}  // namespace holdfast::shim
