#include "shim/rpc/unary_handler.h"

#include <memory>
#include <utility>

#include "absl/status/status.h"

namespace holdfast::rpc {
namespace {

class UnaryHandler final : public CallHandler {
 public:
  UnaryHandler(std::shared_ptr<const GrpcServer::UnaryMethod> method,
               ServerCall& call)
      : method_(std::move(method)), call_(call) {}

  void OnMessage(absl::string_view message) override {
    if (has_request_) {
      return call_.Finish(
          absl::UnimplementedError("a second message for a unary method"));
    }
    has_request_ = true;
    request_ = std::string(message);
  }

  void OnHalfClose() override {
    if (!has_request_) {
      return call_.Finish(
          absl::UnimplementedError("no message for a unary method"));
    }
    const absl::StatusOr<std::string> response = (*method_)(request_, call_);
    if (response.ok()) call_.Send(*response);
    call_.Finish(response.status());
  }

 private:
  std::shared_ptr<const GrpcServer::UnaryMethod> method_;
  ServerCall& call_;
  bool has_request_ = false;
  std::string request_;
};

}  // namespace

GrpcServer::Method MethodOfUnary(GrpcServer::UnaryMethod method) {
  auto shared =
      std::make_shared<const GrpcServer::UnaryMethod>(std::move(method));
  return [shared = std::move(shared)](ServerCall& call) {
    return std::make_unique<UnaryHandler>(shared, call);
  };
}

}  // namespace holdfast::rpc
