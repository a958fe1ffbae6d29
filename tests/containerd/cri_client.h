#pragma once

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "tests/containerd/cri.grpc.pb.h"

namespace holdfast::containerd {

namespace cri = ::runtime::v1;

// A kubelet's client of the runtime: client.Call(&Stub::StartContainer, …).
class CriClient {
 public:
  using Stub = cri::RuntimeService::Stub;

  explicit CriClient(const std::string& socket)
      : channel_(grpc::CreateChannel("unix://" + socket,
                                     grpc::InsecureChannelCredentials())),
        stub_(cri::RuntimeService::NewStub(channel_)),
        images_(cri::ImageService::NewStub(channel_)) {}

  // Waits for a server that is not there yet. An error fails the test.
  template <typename Request, typename Response>
  Response Must(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                             const Request&, Response*),
                const Request& request) {
    Response response;
    const grpc::Status status = Call(method, request, response);
    EXPECT_TRUE(status.ok())
        << request.GetTypeName() << ": " << status.error_message();
    return response;
  }

  template <typename Request, typename Response>
  grpc::Status Call(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                 const Request&, Response*),
                    const Request& request, Response& response) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Minutes(1)));
    return (stub_.get()->*method)(&context, request, &response);
  }

  bool HasImage(const std::string& name) {
    grpc::ClientContext context;
    cri::ImageStatusRequest request;
    request.mutable_image()->set_image(name);
    cri::ImageStatusResponse response;
    return images_->ImageStatus(&context, request, &response).ok() &&
           response.has_image();
  }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Stub> stub_;
  std::unique_ptr<cri::ImageService::Stub> images_;
};

}  // namespace holdfast::containerd
