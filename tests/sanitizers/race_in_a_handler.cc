// A race in the callbacks of a gRPC service, which the lane of ThreadSanitizer
// has to see through the distribution's libraries. It is not a test of ours.

#include <grpcpp/grpcpp.h>
#include <sched.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "api/health.grpc.pb.h"
#include "tests/fakes/temporary_directory.h"

namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

constexpr int kCalls = 1000;

class CountingService : public Health::CallbackService {
 public:
  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const HealthCheckRequest*,
                                  HealthCheckResponse*) override {
    ++calls_;  // and main() reads it
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  int calls() const { return calls_; }

 private:
  int calls_ = 0;
};

void CallOften(const std::string& address) {
  const auto stub = Health::NewStub(
      grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  for (int i = 0; i < kCalls; ++i) {
    grpc::ClientContext context;
    HealthCheckResponse response;
    (void)stub->Check(&context, HealthCheckRequest(), &response);
  }
}

}  // namespace

int main() {
  const holdfast::TemporaryDirectory directory;
  const std::string address = absl::StrCat("unix:", directory / "socket");
  CountingService service;
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  const auto server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  std::thread client(CallOften, address);
  while (service.calls() < kCalls) sched_yield();
  client.join();
  return 0;
}
