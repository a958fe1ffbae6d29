#include "plugin/service/orchestrator_service.h"

#include <functional>
#include <memory>
#include <utility>

#include "api/owners.h"
#include "base/failpoint.h"
#include "plugin/service/grpc_status.h"
#include "plugin/service/log_stream.h"
#include "plugin/service/stream_writer.h"
#include "plugin/service/unary_answer.h"

namespace holdfast {
namespace {

// Joins an update stream with the hub: the loop sends what the stream has room
// for, gRPC writes.
class StreamSink : public UpdateSink {
 public:
  using Writer = StreamWriter<v1::WatchUpdatesResponse>;

  explicit StreamSink(std::shared_ptr<Writer> writer)
      : writer_(std::move(writer)) {}
  bool HasRoom() override { return writer_->HasRoom(); }
  void Send(const v1::WatchUpdatesResponse& response) override {
    writer_->Send(response);
    HOLDFAST_FAILPOINT(UpdateShown);
  }
  void Finish(const absl::Status& status) override {
    writer_->Finish(ToGrpc(status));
  }

 private:
  std::shared_ptr<Writer> writer_;
};

}  // namespace

template <typename Request, typename Response>
grpc::ServerUnaryReactor* OrchestratorService::Answer(
    grpc::CallbackServerContext* context, const Request* request,
    Response* response,
    void (Agent::*method)(const Request&, Agent::Reply<Response>)) {
  return AnswerFromLoop(
      loop_, context, request, response,
      [this, method](const Request& asked, Agent::Reply<Response> reply) {
        // Not by .*, with which GCC 12, ASan and UBSan read what was never set.
        std::invoke(method, agent_, asked, std::move(reply));
      });
}

grpc::ServerUnaryReactor* OrchestratorService::RegisterFramework(
    grpc::CallbackServerContext* context,
    const v1::RegisterFrameworkRequest* request,
    v1::RegisterFrameworkResponse* response) {
  const absl::Status free =
      CheckNotAnOwners(request->framework().framework_id());
  if (!free.ok()) return Refuse(context, free);
  return Answer(context, request, response, &Agent::RegisterFramework);
}

grpc::ServerUnaryReactor* OrchestratorService::TeardownFramework(
    grpc::CallbackServerContext* context,
    const v1::TeardownFrameworkRequest* request,
    v1::TeardownFrameworkResponse* response) {
  return Answer(context, request, response, &Agent::TeardownFramework);
}

grpc::ServerUnaryReactor* OrchestratorService::LaunchTask(
    grpc::CallbackServerContext* context, const v1::LaunchTaskRequest* request,
    v1::LaunchTaskResponse* response) {
  const absl::Status free = CheckNotAnOwners(request->framework_id());
  if (!free.ok()) return Refuse(context, free);
  return Answer(context, request, response, &Agent::LaunchTask);
}

grpc::ServerUnaryReactor* OrchestratorService::KillTask(
    grpc::CallbackServerContext* context, const v1::KillTaskRequest* request,
    v1::KillTaskResponse* response) {
  return Answer(context, request, response, &Agent::KillTask);
}

grpc::ServerUnaryReactor* OrchestratorService::AcknowledgeUpdate(
    grpc::CallbackServerContext* context,
    const v1::AcknowledgeUpdateRequest* request,
    v1::AcknowledgeUpdateResponse* response) {
  const absl::Status free = CheckNotAnOwners(request->framework_id());
  if (!free.ok()) return Refuse(context, free);
  return Answer(context, request, response, &Agent::AcknowledgeUpdate);
}

grpc::ServerUnaryReactor* OrchestratorService::Reconcile(
    grpc::CallbackServerContext* context, const v1::ReconcileRequest* request,
    v1::ReconcileResponse* response) {
  return Answer(context, request, response, &Agent::Reconcile);
}

grpc::ServerUnaryReactor* OrchestratorService::GetTasks(
    grpc::CallbackServerContext* context, const v1::GetTasksRequest* request,
    v1::GetTasksResponse* response) {
  return Answer(context, request, response, &Agent::GetTasks);
}

grpc::ServerUnaryReactor* OrchestratorService::GetTask(
    grpc::CallbackServerContext* context, const v1::GetTaskRequest* request,
    v1::GetTaskResponse* response) {
  return Answer(context, request, response, &Agent::GetTask);
}

grpc::ServerUnaryReactor* OrchestratorService::RemoveTask(
    grpc::CallbackServerContext* context, const v1::RemoveTaskRequest* request,
    v1::RemoveTaskResponse* response) {
  return Answer(context, request, response, &Agent::RemoveTask);
}

grpc::ServerUnaryReactor* OrchestratorService::GetAgent(
    grpc::CallbackServerContext* context, const v1::GetAgentRequest* request,
    v1::GetAgentResponse* response) {
  return Answer(context, request, response, &Agent::GetAgent);
}

grpc::ServerUnaryReactor* OrchestratorService::GetRecovery(
    grpc::CallbackServerContext* context, const v1::GetRecoveryRequest* request,
    v1::GetRecoveryResponse* response) {
  return Answer(context, request, response, &Agent::GetRecovery);
}

grpc::ServerUnaryReactor* OrchestratorService::Ping(
    grpc::CallbackServerContext* context, const v1::PingRequest*,
    v1::PingResponse* response) {
  *response = agent_.ping_answer().Get();
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* OrchestratorService::GetTimeline(
    grpc::CallbackServerContext* context, const v1::GetTimelineRequest* request,
    v1::GetTimelineResponse* response) {
  return Answer(context, request, response, &Agent::GetTimeline);
}

grpc::ServerUnaryReactor* OrchestratorService::ListLeases(
    grpc::CallbackServerContext* context, const v1::ListLeasesRequest* request,
    v1::ListLeasesResponse* response) {
  return Answer(context, request, response, &Agent::ListLeases);
}

grpc::ServerUnaryReactor* OrchestratorService::ChangeLeases(
    grpc::CallbackServerContext* context,
    const v1::ChangeLeasesRequest* request,
    v1::ChangeLeasesResponse* response) {
  return Answer(context, request, response, &Agent::ChangeLeases);
}

grpc::ServerUnaryReactor* OrchestratorService::Shutdown(
    grpc::CallbackServerContext* context, const v1::ShutdownRequest* request,
    v1::ShutdownResponse* response) {
  return Answer(context, request, response, &Agent::Shutdown);
}

grpc::ServerUnaryReactor* OrchestratorService::Drain(
    grpc::CallbackServerContext* context, const v1::DrainRequest* request,
    v1::DrainResponse* response) {
  return Answer(context, request, response, &Agent::Drain);
}

grpc::ServerUnaryReactor* OrchestratorService::Undrain(
    grpc::CallbackServerContext* context, const v1::UndrainRequest* request,
    v1::UndrainResponse* response) {
  return Answer(context, request, response, &Agent::Undrain);
}

grpc::ServerWriteReactor<v1::WatchUpdatesResponse>*
OrchestratorService::WatchUpdates(grpc::CallbackServerContext*,
                                  const v1::WatchUpdatesRequest* request) {
  auto writer = std::make_shared<StreamSink::Writer>();
  // Written and read on the loop alone.
  auto watch = std::make_shared<uint64_t>(0);
  auto* const reactor = writer->Start(
      [this, watch] { loop_.Post([this, watch] { agent_.Unwatch(*watch); }); },
      [this, watch] {
        loop_.Post([this, watch] { agent_.ContinueWatch(*watch); });
      });
  loop_.Post([this, writer, watch, request = *request] {
    if (writer->over()) return;
    const absl::StatusOr<uint64_t> number =
        agent_.Watch(request, std::make_shared<StreamSink>(writer));
    if (!number.ok()) return writer->Finish(ToGrpc(number.status()));
    *watch = *number;
  });
  return reactor;
}

grpc::ServerWriteReactor<v1::LogsResponse>* OrchestratorService::Logs(
    grpc::CallbackServerContext*, const v1::LogsRequest* request) {
  auto writer = std::make_shared<LogStream::Writer>();
  auto* const reactor = writer->Start([] {});
  auto stream =
      std::make_shared<LogStream>(loop_, workers_, agent_, *request, writer);
  loop_.Post([stream] { stream->Start(); });
  return reactor;
}

}  // namespace holdfast
