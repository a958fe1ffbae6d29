#include "shim/service/attach_service.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/ids.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/version.h"

namespace holdfast::shim {
namespace {

constexpr size_t kMaxKillMessage = 1024;

template <typename Message>
absl::StatusOr<Message> Parse(absl::string_view bytes) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError(
        absl::StrCat(message.GetTypeName(), ": not a valid message"));
  }
  return message;
}

v1::AttachResponse::Snapshot MakeSnapshot(const ExecutorFacts& facts) {
  v1::AttachResponse::Snapshot snapshot;
  snapshot.set_shim_pid(getpid());
  snapshot.set_version(kVersion);
  for (v1::JournalRecord& record : facts.Condensed()) {
    // Large, and the executor's alone.
    if (record.has_intent()) {
      record.mutable_intent()->clear_launch();
      record.mutable_intent()->mutable_task()->clear_data();
    } else if (record.has_task_intent()) {
      record.mutable_task_intent()->mutable_task()->clear_data();
    }
    *snapshot.add_records() = std::move(record);
  }
  return snapshot;
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
    HOLDFAST_FAILPOINT(HelloReceived);
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
    v1::AttachResponse response;
    *response.mutable_snapshot() = MakeSnapshot(supervisor().facts());
    snapshot_bytes_ = response.ByteSizeLong();
    Send(response);
    if (supervisor().phase() == Phase::kOver) call_.Finish(absl::OkStatus());
  }

  void OnConfirm() {
    if (!IsCurrent()) {
      return call_.Finish(
          absl::FailedPreconditionError("attach: confirm before hello"));
    }
    HOLDFAST_FAILPOINT(ConfirmReceived);
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
    HOLDFAST_FAILPOINT(AcknowledgementForwarded);
    const absl::Status status = supervisor().Acknowledge(uuid);
    HOLDFAST_FAILPOINT(AcknowledgementRecorded);
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
  AddUnary(server, "LaunchTask", &AttachService::LaunchTask);
  AddUnary(server, "Kill", &AttachService::Kill);
  AddUnary(server, "Configure", &AttachService::Configure);
  AddUnary(server, "Signal", &AttachService::Signal);
  AddUnary(server, "Status", &AttachService::Status);
  AddUnary(server, "RepairJournal", &AttachService::RepairJournal);
}

AttachService::~AttachService() = default;

template <typename Request, typename Response>
void AttachService::AddUnary(
    rpc::GrpcServer& server, absl::string_view method,
    absl::StatusOr<Response> (AttachService::*answer)(const Request&)) {
  server.AddUnary(
      absl::StrCat("/holdfast.v1.Shim/", method),
      [this, answer](absl::string_view bytes,
                     rpc::ServerCall&) -> absl::StatusOr<std::string> {
        HOLDFAST_ASSIGN_OR_RETURN(const auto request, Parse<Request>(bytes));
        HOLDFAST_ASSIGN_OR_RETURN(const auto response,
                                  (this->*answer)(request));
        return response.SerializeAsString();
      });
}

absl::StatusOr<v1::ShimLaunchTaskResponse> AttachService::LaunchTask(
    const v1::ShimLaunchTaskRequest& request) {
  HOLDFAST_RETURN_IF_ERROR(ValidateId("task_id", request.task().task_id()));
  HOLDFAST_RETURN_IF_ERROR(supervisor_.LaunchTask(request.task()));
  return v1::ShimLaunchTaskResponse();
}

absl::StatusOr<v1::ShimKillResponse> AttachService::Kill(
    const v1::ShimKillRequest& request) {
  HOLDFAST_FAILPOINT(KillForwarded);
  v1::KillRequested kill;
  kill.set_task_id(request.task_id());
  kill.set_reason(request.reason());
  if (request.message().size() > kMaxKillMessage) {
    return absl::InvalidArgumentError(
        absl::StrCat("kill: message has ", request.message().size(),
                     " bytes; at most ", kMaxKillMessage, " are allowed"));
  }
  kill.set_message(request.message());
  kill.set_state(request.state());
  if (request.has_grace_period()) {
    *kill.mutable_grace_period() = request.grace_period();
  }
  HOLDFAST_RETURN_IF_ERROR(supervisor_.Kill(
      std::move(kill), request.has_max_grace_period()
                           ? FromProto(request.max_grace_period())
                           : absl::InfiniteDuration()));
  return v1::ShimKillResponse();
}

absl::StatusOr<v1::ShimConfigureResponse> AttachService::Configure(
    const v1::ShimConfigureRequest& request) {
  v1::ShimConfigureResponse response;
  HOLDFAST_ASSIGN_OR_RETURN(*response.mutable_fence(),
                            supervisor_.Configure(request));
  return response;
}

absl::StatusOr<v1::ShimSignalResponse> AttachService::Signal(
    const v1::ShimSignalRequest& request) {
  HOLDFAST_RETURN_IF_ERROR(supervisor_.Signal(request.signal()));
  return v1::ShimSignalResponse();
}

absl::StatusOr<v1::ShimStatusResponse> AttachService::Status(
    const v1::ShimStatusRequest&) {
  v1::ShimStatusResponse response;
  *response.mutable_snapshot() = MakeSnapshot(supervisor_.facts());
  *response.mutable_fence() = supervisor_.DescribeFence();
  return response;
}

absl::StatusOr<v1::ShimRepairJournalResponse> AttachService::RepairJournal(
    const v1::ShimRepairJournalRequest&) {
  HOLDFAST_ASSIGN_OR_RETURN(const ExecutorJournal::Repaired repaired,
                            supervisor_.RepairJournal());
  v1::ShimRepairJournalResponse response;
  response.set_rewritten(repaired.rewritten);
  response.set_kept_as(repaired.kept_as);
  return response;
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

void AttachService::OnStarterGone() {
  if (current_ == nullptr) supervisor_.AgentLost();
}

}  // namespace holdfast::shim
