#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "shim/rpc/grpc_server.h"
#include "tests/shim/rpc/test_service.h"

namespace holdfast::rpc {

// Our server with the methods of test_service.h, in a loop of its own on a
// thread of its own, listening on a socket without a name in any directory.
class ServingThread {
 public:
  explicit ServingThread(ServerOptions options = {});
  ~ServingThread();

  // Runs `task` on the loop's thread and waits for it.
  void OnLoop(const std::function<void()>& task);
  // Waits until `done` is true there; false: it took longer than ten seconds.
  bool WaitUntil(const std::function<bool()>& done);

  // As gRPC writes it: "unix-abstract:…".
  const std::string& address() const { return address_; }
  GrpcServer& server() { return *server_; }  // on the loop's thread
  ServiceLog& log() { return log_; }         // likewise

 private:
  std::string address_;
  std::unique_ptr<EventLoop> loop_;
  ServiceLog log_;
  std::unique_ptr<GrpcServer> server_;
  std::thread thread_;
};

// A socket that listens under a name made of `name` in the abstract namespace.
UniqueFd ListenAbstract(const std::string& name);
// One that is connected to it, or none.
UniqueFd ConnectAbstract(const std::string& name);
// A name that no other test of any process has.
std::string NewSocketName();

}  // namespace holdfast::rpc
