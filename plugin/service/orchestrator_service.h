#pragma once

#include "api/orchestrator.grpc.pb.h"
#include "base/event_loop.h"
#include "base/worker_pool.h"
#include "plugin/service/agent.h"

namespace holdfast {

// The gRPC face of the agent. It holds no state: each call is posted to the
// agent's loop, and answered from there.
class OrchestratorService : public v1::Orchestrator::CallbackService {
 public:
  OrchestratorService(EventLoop& loop, WorkerPool& workers, Agent& agent)
      : loop_(loop), workers_(workers), agent_(agent) {}

  grpc::ServerUnaryReactor* RegisterFramework(
      grpc::CallbackServerContext* context,
      const v1::RegisterFrameworkRequest* request,
      v1::RegisterFrameworkResponse* response) override;
  grpc::ServerUnaryReactor* TeardownFramework(
      grpc::CallbackServerContext* context,
      const v1::TeardownFrameworkRequest* request,
      v1::TeardownFrameworkResponse* response) override;
  grpc::ServerUnaryReactor* LaunchTask(
      grpc::CallbackServerContext* context,
      const v1::LaunchTaskRequest* request,
      v1::LaunchTaskResponse* response) override;
  grpc::ServerUnaryReactor* KillTask(grpc::CallbackServerContext* context,
                                     const v1::KillTaskRequest* request,
                                     v1::KillTaskResponse* response) override;
  grpc::ServerUnaryReactor* AcknowledgeUpdate(
      grpc::CallbackServerContext* context,
      const v1::AcknowledgeUpdateRequest* request,
      v1::AcknowledgeUpdateResponse* response) override;
  grpc::ServerUnaryReactor* Reconcile(grpc::CallbackServerContext* context,
                                      const v1::ReconcileRequest* request,
                                      v1::ReconcileResponse* response) override;
  grpc::ServerUnaryReactor* GetTasks(grpc::CallbackServerContext* context,
                                     const v1::GetTasksRequest* request,
                                     v1::GetTasksResponse* response) override;
  grpc::ServerUnaryReactor* GetTask(grpc::CallbackServerContext* context,
                                    const v1::GetTaskRequest* request,
                                    v1::GetTaskResponse* response) override;
  grpc::ServerUnaryReactor* RemoveTask(
      grpc::CallbackServerContext* context,
      const v1::RemoveTaskRequest* request,
      v1::RemoveTaskResponse* response) override;
  grpc::ServerUnaryReactor* GetAgent(grpc::CallbackServerContext* context,
                                     const v1::GetAgentRequest* request,
                                     v1::GetAgentResponse* response) override;
  grpc::ServerUnaryReactor* GetRecovery(
      grpc::CallbackServerContext* context,
      const v1::GetRecoveryRequest* request,
      v1::GetRecoveryResponse* response) override;
  // The only one that the loop is not asked for.
  grpc::ServerUnaryReactor* Ping(grpc::CallbackServerContext* context,
                                 const v1::PingRequest* request,
                                 v1::PingResponse* response) override;
  grpc::ServerUnaryReactor* GetTimeline(
      grpc::CallbackServerContext* context,
      const v1::GetTimelineRequest* request,
      v1::GetTimelineResponse* response) override;
  grpc::ServerUnaryReactor* ListLeases(
      grpc::CallbackServerContext* context,
      const v1::ListLeasesRequest* request,
      v1::ListLeasesResponse* response) override;
  grpc::ServerUnaryReactor* ChangeLeases(
      grpc::CallbackServerContext* context,
      const v1::ChangeLeasesRequest* request,
      v1::ChangeLeasesResponse* response) override;
  grpc::ServerUnaryReactor* Shutdown(grpc::CallbackServerContext* context,
                                     const v1::ShutdownRequest* request,
                                     v1::ShutdownResponse* response) override;
  grpc::ServerUnaryReactor* Drain(grpc::CallbackServerContext* context,
                                  const v1::DrainRequest* request,
                                  v1::DrainResponse* response) override;
  grpc::ServerUnaryReactor* Undrain(grpc::CallbackServerContext* context,
                                    const v1::UndrainRequest* request,
                                    v1::UndrainResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchUpdatesResponse>* WatchUpdates(
      grpc::CallbackServerContext* context,
      const v1::WatchUpdatesRequest* request) override;
  grpc::ServerWriteReactor<v1::LogsResponse>* Logs(
      grpc::CallbackServerContext* context,
      const v1::LogsRequest* request) override;

 private:
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* Answer(
      grpc::CallbackServerContext* context, const Request* request,
      Response* response,
      void (Agent::*method)(const Request&, Agent::Reply<Response>));

  EventLoop& loop_;
  WorkerPool& workers_;
  Agent& agent_;
};

}  // namespace holdfast
