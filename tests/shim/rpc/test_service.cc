#include "tests/shim/rpc/test_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "shim/rpc/grpc_status.h"

namespace holdfast::rpc {
namespace {

class LoggedHandler : public CallHandler {
 public:
  LoggedHandler(ServiceLog& log, ServerCall& call) : log_(log), call_(call) {
    ++log_.made;
  }
  ~LoggedHandler() override { ++log_.destroyed; }
  void OnMessage(absl::string_view /*message*/) override { ++log_.messages; }
  void OnHalfClose() override { ++log_.half_closed; }
  void OnGone() override { ++log_.gone; }

 protected:
  ServiceLog& log_;
  ServerCall& call_;
};

class EchoHandler final : public LoggedHandler {
 public:
  using LoggedHandler::LoggedHandler;
  void OnMessage(absl::string_view message) override {
    LoggedHandler::OnMessage(message);
    call_.Send(message);
  }
  void OnHalfClose() override {
    LoggedHandler::OnHalfClose();
    call_.Finish(absl::OkStatus());
  }
};

class CountHandler final : public LoggedHandler {
 public:
  using LoggedHandler::LoggedHandler;
  void OnMessage(absl::string_view message) override {
    LoggedHandler::OnMessage(message);
    const std::pair<std::string, std::string> numbers =
        absl::StrSplit(message, ' ');
    int count = 0;
    int bytes = 0;
    if (!absl::SimpleAtoi(numbers.first, &count) ||
        !absl::SimpleAtoi(numbers.second, &bytes)) {
      return call_.Finish(absl::InvalidArgumentError(message));
    }
    for (int i = 0; i < count; ++i) call_.Send(std::string(bytes, 'c'));
    call_.Finish(absl::OkStatus());
  }
};

class HangHandler final : public LoggedHandler {
 public:
  HangHandler(ServiceLog& log, ServerCall& call) : LoggedHandler(log, call) {
    log_.hanging.push_back(&call);
  }
  ~HangHandler() override {
    log_.hanging.erase(
        std::remove(log_.hanging.begin(), log_.hanging.end(), &call_),
        log_.hanging.end());
  }
};

template <typename Handler>
GrpcServer::Method Making(ServiceLog& log) {
  return
      [&log](ServerCall& call) { return std::make_unique<Handler>(log, call); };
}

}  // namespace

absl::Status StatusOfRequest(absl::string_view request) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(request, absl::MaxSplits(' ', 1));
  int code = 0;
  if (!absl::SimpleAtoi(parts.first, &code)) code = 2;
  absl::Status status(static_cast<absl::StatusCode>(code), parts.second);
  status.SetPayload(kReasonPayload, absl::Cord("TEST_REASON"));
  return status;
}

void AddTestService(GrpcServer& server, ServiceLog& log) {
  server.AddUnary("/test.T/Unary",
                  [](absl::string_view request, ServerCall& /*call*/) {
                    return std::string(request);
                  });
  server.AddUnary("/test.T/Fail",
                  [](absl::string_view request,
                     ServerCall& /*call*/) -> absl::StatusOr<std::string> {
                    return StatusOfRequest(request);
                  });
  server.AddMethod("/test.T/Echo", Making<EchoHandler>(log));
  server.AddMethod("/test.T/Count", Making<CountHandler>(log));
  server.AddMethod("/test.T/Hang", Making<HangHandler>(log));
}

}  // namespace holdfast::rpc
