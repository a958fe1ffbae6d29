#include "plugin/containerizer/containerizer_service.h"

#include <functional>
#include <memory>
#include <utility>

#include "plugin/service/grpc_status.h"
#include "plugin/service/unary_answer.h"

namespace holdfast {
namespace {

// A call that may wait for days, and tells when its client has gone.
class WaitingReactor : public grpc::ServerUnaryReactor {
 public:
  explicit WaitingReactor(std::function<void()> on_cancel)
      : on_cancel_(std::move(on_cancel)) {}
  void OnCancel() override { on_cancel_(); }
  void OnDone() override { delete this; }

 private:
  const std::function<void()> on_cancel_;
};

}  // namespace

template <typename Request, typename Response>
grpc::ServerUnaryReactor* ContainerizerService::Answer(
    grpc::CallbackServerContext* context, const Request* request,
    Response* response,
    void (Containerizer::*method)(const Request&,
                                  Containerizer::Reply<Response>)) {
  return AnswerFromLoop(loop_, context, request, response,
                        [this, method](const Request& asked,
                                       Containerizer::Reply<Response> reply) {
                          std::invoke(method, containerizer_, asked,
                                      std::move(reply));
                        });
}

template <typename Request, typename Response>
grpc::ServerUnaryReactor* ContainerizerService::AnswerAtTheEnd(
    const Request* request, Response* response,
    void (Containerizer::*method)(const Request&, const Containerizer::Caller&,
                                  Containerizer::Reply<Response>)) {
  auto caller = std::make_shared<EndWaiters::Caller>();
  // Posted behind the call itself, so that it is the last word.
  auto* const reactor = new WaitingReactor([this, caller] {
    loop_.Post([this, caller] { containerizer_.Drop(caller); });
  });
  loop_.Post([this, reactor, request, response, caller, method] {
    std::invoke(method, containerizer_, *request, caller,
                [reactor, response](absl::StatusOr<Response> answer) {
                  if (answer.ok()) *response = *std::move(answer);
                  reactor->Finish(ToGrpc(answer.status()));
                });
  });
  return reactor;
}

grpc::ServerUnaryReactor* ContainerizerService::Launch(
    grpc::CallbackServerContext* context,
    const v1::LaunchContainerRequest* request,
    v1::LaunchContainerResponse* response) {
  return Answer(context, request, response, &Containerizer::Launch);
}

grpc::ServerUnaryReactor* ContainerizerService::Wait(
    grpc::CallbackServerContext*, const v1::WaitContainerRequest* request,
    v1::WaitContainerResponse* response) {
  return AnswerAtTheEnd(request, response, &Containerizer::Wait);
}

grpc::ServerUnaryReactor* ContainerizerService::Destroy(
    grpc::CallbackServerContext*, const v1::DestroyContainerRequest* request,
    v1::DestroyContainerResponse* response) {
  return AnswerAtTheEnd(request, response, &Containerizer::Destroy);
}

grpc::ServerUnaryReactor* ContainerizerService::Remove(
    grpc::CallbackServerContext* context,
    const v1::RemoveContainerRequest* request,
    v1::RemoveContainerResponse* response) {
  return Answer(context, request, response, &Containerizer::Remove);
}

grpc::ServerUnaryReactor* ContainerizerService::Recover(
    grpc::CallbackServerContext* context, const v1::RecoverRequest* request,
    v1::RecoverResponse* response) {
  return Answer(context, request, response, &Containerizer::Recover);
}

grpc::ServerUnaryReactor* ContainerizerService::Update(
    grpc::CallbackServerContext* context,
    const v1::UpdateContainerRequest* request,
    v1::UpdateContainerResponse* response) {
  return Answer(context, request, response, &Containerizer::Update);
}

grpc::ServerUnaryReactor* ContainerizerService::Usage(
    grpc::CallbackServerContext* context,
    const v1::ContainerUsageRequest* request,
    v1::ContainerUsageResponse* response) {
  return Answer(context, request, response, &Containerizer::Usage);
}

grpc::ServerUnaryReactor* ContainerizerService::Status(
    grpc::CallbackServerContext* context,
    const v1::ContainerStatusRequest* request,
    v1::ContainerStatusResponse* response) {
  return Answer(context, request, response, &Containerizer::Status);
}

grpc::ServerUnaryReactor* ContainerizerService::Kill(
    grpc::CallbackServerContext* context,
    const v1::KillContainerRequest* request,
    v1::KillContainerResponse* response) {
  return Answer(context, request, response, &Containerizer::Kill);
}

grpc::ServerUnaryReactor* ContainerizerService::Containers(
    grpc::CallbackServerContext* context, const v1::ContainersRequest* request,
    v1::ContainersResponse* response) {
  return Answer(context, request, response, &Containerizer::Containers);
}

}  // namespace holdfast
