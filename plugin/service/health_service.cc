#include "plugin/service/health_service.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace holdfast {

HealthService::Response::ServingStatus HealthService::StatusOf(
    const std::string& service) const {
  if (service.empty() || service == "liveness") return Response::SERVING;
  if (service == "readiness" || service == "holdfast.v1.Orchestrator" ||
      service == "holdfast.v1.Containerizer") {
    return ready_ ? Response::SERVING : Response::NOT_SERVING;
  }
  return Response::SERVICE_UNKNOWN;
}

grpc::ServerUnaryReactor* HealthService::Check(
    grpc::CallbackServerContext* context,
    const grpc::health::v1::HealthCheckRequest* request, Response* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  MutexLock lock(mutex_);
  response->set_status(StatusOf(request->service()));
  if (response->status() == Response::SERVICE_UNKNOWN) {
    reactor->Finish(grpc::Status(
        grpc::StatusCode::NOT_FOUND,
        absl::StrCat("service \"", request->service(),
                     "\": not known; try \"liveness\" or \"readiness\"")));
  } else {
    reactor->Finish(grpc::Status::OK);
  }
  return reactor;
}

grpc::ServerWriteReactor<HealthService::Response>* HealthService::Watch(
    grpc::CallbackServerContext*,
    const grpc::health::v1::HealthCheckRequest* request) {
  auto writer = std::make_shared<Writer>();
  auto* const reactor = writer->Start([] {});
  MutexLock lock(mutex_);
  Response response;
  response.set_status(StatusOf(request->service()));
  if (response.status() == Response::NOT_SERVING) waiting_.push_back(writer);
  writer->Send(std::move(response));
  return reactor;
}

void HealthService::SetReady() {
  MutexLock lock(mutex_);
  ready_ = true;
  Response response;
  response.set_status(Response::SERVING);
  for (const std::weak_ptr<Writer>& waiting : waiting_) {
    if (const auto writer = waiting.lock()) writer->Send(response);
  }
  waiting_.clear();
}

}  // namespace holdfast
