#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace holdfast::rpc {

// grpc++ as a server of the methods of test_service.h, whose messages are
// bytes.
class StockServer {
 public:
  // `adjust` may set options before it starts.
  explicit StockServer(
      const std::function<void(grpc::ServerBuilder&)>& adjust = nullptr);
  ~StockServer();

  const std::string& socket_name() const { return name_; }
  int cancelled() const { return service_.cancelled; }  // as the server saw it
  void ShutdownSoon();  // GOAWAY; open calls may end
  void WaitForShutdown() { server_->Wait(); }

 private:
  struct Service : grpc::CallbackGenericService {
    grpc::ServerGenericBidiReactor* CreateReactor(
        grpc::GenericCallbackServerContext* context) override;
    std::atomic<int> cancelled = 0;
  };

  std::string name_;
  Service service_;
  std::unique_ptr<grpc::Server> server_;
  std::thread shutdown_;
};

}  // namespace holdfast::rpc
