#include "tests/interop/stock_server.h"

#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "tests/interop/serving_thread.h"
#include "tests/interop/stock_client.h"

namespace holdfast::rpc {
namespace {

// One call: reads a message, answers it as the method says, reads the next.
class Reactor final : public grpc::ServerGenericBidiReactor {
 public:
  Reactor(grpc::GenericCallbackServerContext& context,
          std::atomic<int>& cancelled)
      : context_(context), cancelled_(cancelled) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    const std::string method = context_.method();
    if (!ok) {
      if (method != "/test.T/Hang") Finish(grpc::Status::OK);
      return;
    }
    const std::string request = FromBuffer(request_);
    if (method == "/test.T/Fail") return Fail(request);
    if (method == "/test.T/Count") return Count(request);
    if (method == "/test.T/Hang") return StartRead(&request_);
    response_ = ToBuffer(request);
    StartWrite(&response_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    if (left_ > 0 && --left_ == 0) return Finish(grpc::Status::OK);
    if (left_ > 0) return StartWrite(&response_);
    StartRead(&request_);
  }
  void OnCancel() override {
    ++cancelled_;
    if (context_.method() == "/test.T/Hang") Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override { delete this; }

 private:
  void Fail(const std::string& request) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(request, absl::MaxSplits(' ', 1));
    int code = 2;
    (void)absl::SimpleAtoi(parts.first, &code);  // 2 when it is none
    context_.AddTrailingMetadata("holdfast-reason", "TEST_REASON");
    Finish(grpc::Status(static_cast<grpc::StatusCode>(code), parts.second));
  }
  void Count(const std::string& request) {
    const std::pair<std::string, std::string> numbers =
        absl::StrSplit(request, ' ');
    int bytes = 0;
    if (!absl::SimpleAtoi(numbers.first, &left_) ||
        !absl::SimpleAtoi(numbers.second, &bytes)) {
      return Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, request));
    }
    response_ = ToBuffer(std::string(bytes, 'c'));
    StartWrite(&response_);
  }

  grpc::GenericCallbackServerContext& context_;
  std::atomic<int>& cancelled_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  int left_ = 0;  // messages of a Count() still to come
};

}  // namespace

grpc::ServerGenericBidiReactor* StockServer::Service::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  return new Reactor(*context, cancelled);
}

StockServer::StockServer(
    const std::function<void(grpc::ServerBuilder&)>& adjust)
    : name_(NewSocketName()) {
  // gRPC stays up from one server to the next: taking it down joins a thread
  // that may sleep for ten seconds.
  static const bool stays_up = (grpc_init(), true);
  (void)stays_up;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix-abstract:" + name_,
                           grpc::InsecureServerCredentials());
  builder.SetMaxReceiveMessageSize(-1);
  builder.RegisterCallbackGenericService(&service_);
  if (adjust) adjust(builder);
  server_ = builder.BuildAndStart();
}

StockServer::~StockServer() {
  if (shutdown_.joinable()) shutdown_.join();
  server_->Shutdown(std::chrono::system_clock::now());
}

void StockServer::ShutdownSoon() {
  shutdown_ = std::thread([this] {
    server_->Shutdown(std::chrono::system_clock::now() +
                      std::chrono::seconds(10));
  });
}

}  // namespace holdfast::rpc
