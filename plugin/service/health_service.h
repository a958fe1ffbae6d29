#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/health.grpc.pb.h"
#include "base/mutex.h"
#include "plugin/service/stream_writer.h"

namespace holdfast {

// grpc.health.v1: "" and "liveness" serve from the first moment, also while
// recovering; "readiness" and the services' own names once recovery is over.
class HealthService : public grpc::health::v1::Health::CallbackService {
 public:
  using Response = grpc::health::v1::HealthCheckResponse;

  grpc::ServerUnaryReactor* Check(
      grpc::CallbackServerContext* context,
      const grpc::health::v1::HealthCheckRequest* request,
      Response* response) override;
  grpc::ServerWriteReactor<Response>* Watch(
      grpc::CallbackServerContext* context,
      const grpc::health::v1::HealthCheckRequest* request) override;

  // From any thread.
  void SetReady() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Writer = StreamWriter<Response>;

  Response::ServingStatus StatusOf(const std::string& service) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  bool ready_ ABSL_GUARDED_BY(mutex_) = false;
  // Those that are told when that changes.
  std::vector<std::weak_ptr<Writer>> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast
