#pragma once

#include "api/containerizer.grpc.pb.h"
#include "base/event_loop.h"
#include "plugin/containerizer/containerizer.h"

namespace holdfast {

// The gRPC face of the containerizer. It holds no state: each call is posted
// to the loop, and answered from there.
class ContainerizerService : public v1::Containerizer::CallbackService {
 public:
  ContainerizerService(EventLoop& loop, Containerizer& containerizer)
      : loop_(loop), containerizer_(containerizer) {}

  grpc::ServerUnaryReactor* Launch(
      grpc::CallbackServerContext* context,
      const v1::LaunchContainerRequest* request,
      v1::LaunchContainerResponse* response) override;
  grpc::ServerUnaryReactor* Wait(grpc::CallbackServerContext* context,
                                 const v1::WaitContainerRequest* request,
                                 v1::WaitContainerResponse* response) override;
  grpc::ServerUnaryReactor* Destroy(
      grpc::CallbackServerContext* context,
      const v1::DestroyContainerRequest* request,
      v1::DestroyContainerResponse* response) override;
  grpc::ServerUnaryReactor* Remove(
      grpc::CallbackServerContext* context,
      const v1::RemoveContainerRequest* request,
      v1::RemoveContainerResponse* response) override;
  grpc::ServerUnaryReactor* Recover(grpc::CallbackServerContext* context,
                                    const v1::RecoverRequest* request,
                                    v1::RecoverResponse* response) override;
  grpc::ServerUnaryReactor* Update(
      grpc::CallbackServerContext* context,
      const v1::UpdateContainerRequest* request,
      v1::UpdateContainerResponse* response) override;
  grpc::ServerUnaryReactor* Usage(
      grpc::CallbackServerContext* context,
      const v1::ContainerUsageRequest* request,
      v1::ContainerUsageResponse* response) override;
  grpc::ServerUnaryReactor* Status(
      grpc::CallbackServerContext* context,
      const v1::ContainerStatusRequest* request,
      v1::ContainerStatusResponse* response) override;
  grpc::ServerUnaryReactor* Kill(grpc::CallbackServerContext* context,
                                 const v1::KillContainerRequest* request,
                                 v1::KillContainerResponse* response) override;
  grpc::ServerUnaryReactor* Containers(
      grpc::CallbackServerContext* context,
      const v1::ContainersRequest* request,
      v1::ContainersResponse* response) override;

 private:
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* Answer(
      grpc::CallbackServerContext* context, const Request* request,
      Response* response,
      void (Containerizer::*method)(const Request&,
                                    Containerizer::Reply<Response>));
  // For as long as the client waits.
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* AnswerAtTheEnd(
      const Request* request, Response* response,
      void (Containerizer::*method)(const Request&,
                                    const Containerizer::Caller&,
                                    Containerizer::Reply<Response>));

  EventLoop& loop_;
  Containerizer& containerizer_;
};

}  // namespace holdfast
