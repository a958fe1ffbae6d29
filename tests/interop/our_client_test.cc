// Our client with a stock grpc++ server.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "api/shim.grpc.pb.h"
#include "shim/rpc/grpc_status.h"
#include "tests/interop/serving_thread.h"
#include "tests/interop/stock_server.h"
#include "tests/shim/rpc/rpc_pair.h"

namespace holdfast::rpc {
namespace {

constexpr size_t kMiB = 1 << 20;
constexpr absl::Duration kForever = absl::InfiniteDuration();

class OurClient : public testing::Test {
 protected:
  OurClient() : OurClient(nullptr) {}
  explicit OurClient(const std::function<void(grpc::ServerBuilder&)>& adjust)
      : server_(adjust),
        loop_(std::move(EventLoop::Create()).value()),
        client_(*loop_, ConnectAbstract(server_.socket_name()),
                [this](const absl::Status&) { lost_ = true; }) {}

  absl::StatusOr<std::string> Unary(absl::string_view path,
                                    absl::string_view request,
                                    absl::Duration timeout = kForever) {
    absl::StatusOr<std::string> result = absl::UnknownError("not done");
    bool done = false;
    client_.Unary(path, request, timeout,
                  [&](const absl::StatusOr<std::string>& got) {
                    result = got;
                    done = true;
                  });
    EXPECT_TRUE(RunUntil([&] { return done; }));
    return result;
  }
  bool RunUntil(const std::function<bool()>& done) {
    return rpc::RunUntil(*loop_, done);
  }

  StockServer server_;
  std::unique_ptr<EventLoop> loop_;
  bool lost_ = false;
  GrpcClient client_;
};

TEST_F(OurClient, MakesUnaryCallsOfAnySize) {
  for (const size_t size :
       {size_t{0}, size_t{100}, 300 * kMiB / 1024, 4 * kMiB, 9 * kMiB}) {
    const std::string request(size, 'x');

    const auto answer = Unary("/test.T/Unary", request);

    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_TRUE(*answer == request) << size << " bytes";
  }
}

TEST_F(OurClient, StreamsThousandsOfMessagesBothWays) {
  CallLog log;
  std::vector<std::string> sent;
  sent.reserve(5000);
  for (int i = 0; i < 5000; ++i) sent.push_back(absl::StrCat("message ", i));

  ClientCall* call = client_.Start("/test.T/Echo", kForever, LogTo(log));
  for (const std::string& message : sent) call->Send(message);
  call->HalfClose();

  ASSERT_TRUE(RunUntil([&] { return log.done > 0; }));
  EXPECT_TRUE(log.status.ok()) << log.status;
  EXPECT_EQ(log.messages, sent);
}

TEST_F(OurClient, TakesAStreamAfterOneMessage) {
  CallLog log;

  ClientCall* call = client_.Start("/test.T/Count", kForever, LogTo(log));
  call->Send("3000 1000");

  ASSERT_TRUE(RunUntil([&] { return log.done > 0; }));
  EXPECT_TRUE(log.status.ok()) << log.status;
  EXPECT_EQ(log.messages.size(), 3000);
}

TEST_F(OurClient, PassesItsDeadlineAndTheServerHearsOfIt) {
  const auto answer = Unary("/test.T/Hang", "x", absl::Milliseconds(50));

  EXPECT_EQ(answer.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(RunUntil([&] { return server_.cancelled() == 1; }));
  EXPECT_TRUE(Unary("/test.T/Unary", "x").ok());
}

TEST_F(OurClient, CancelsACall) {
  CallLog log;
  ClientCall* call = client_.Start("/test.T/Hang", kForever, LogTo(log));
  call->Send("x");
  ASSERT_TRUE(Unary("/test.T/Unary", "x").ok());  // the server has both

  call->Cancel();

  EXPECT_EQ(log.status.code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(RunUntil([&] { return server_.cancelled() == 1; }));
}

TEST_F(OurClient, HearsEveryCodeWithItsTextAndReason) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status =
        Unary("/test.T/Fail", absl::StrCat(code, " gr\xc3\xbc\xc3\x9f 100%\n"))
            .status();

    EXPECT_EQ(static_cast<int>(status.code()), code);
    EXPECT_EQ(status.message(), "gr\xc3\xbc\xc3\x9f 100%\n");
    EXPECT_EQ(status.GetPayload(kReasonPayload), absl::Cord("TEST_REASON"));
  }
}

TEST_F(OurClient, MakesManyCallsAtATime) {
  std::vector<CallLog> logs(100);

  for (CallLog& log : logs) {
    ClientCall* call = client_.Start("/test.T/Echo", kForever, LogTo(log));
    for (int i = 0; i < 50; ++i) call->Send(std::string(1000, 'x'));
    call->HalfClose();
  }

  for (const CallLog& log : logs) {
    ASSERT_TRUE(RunUntil([&] { return log.done > 0; }));
    EXPECT_TRUE(log.status.ok()) << log.status;
    EXPECT_EQ(log.messages.size(), 50);
  }
}

TEST_F(OurClient, MakesThousandsOfCallsOneAfterTheOther) {
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(Unary("/test.T/Unary", "x").ok()) << i;
  }
}

TEST_F(OurClient, EndsOpenCallsAsTheServerShutsDown) {
  CallLog log;
  CallLog late;
  ClientCall* call = client_.Start("/test.T/Echo", kForever, LogTo(log));
  call->Send("before");
  ASSERT_TRUE(RunUntil([&] { return log.messages.size() == 1; }));

  server_.ShutdownSoon();

  // Until its GOAWAY is here, it serves or cancels what is new.
  while (!absl::IsUnavailable(late.status)) {
    late = {};
    client_.Start("/test.T/Echo", kForever, LogTo(late))->HalfClose();
    ASSERT_TRUE(RunUntil([&] { return late.done > 0; }));
  }
  call->Send("after");
  ASSERT_TRUE(RunUntil([&] { return log.messages.size() == 2; }));
  call->HalfClose();
  ASSERT_TRUE(RunUntil([&] { return log.done > 0 && lost_; }));
  EXPECT_TRUE(log.status.ok()) << log.status;
}

class OurClientOfAStrictServer : public OurClient {
 protected:
  OurClientOfAStrictServer()
      : OurClient([](grpc::ServerBuilder& builder) {
          builder.SetMaxReceiveMessageSize(1000);
          builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 5);
          builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 200);
          builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 200);
          builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
        }) {}
};

TEST_F(OurClientOfAStrictServer, IsToldThatAMessageIsTooLong) {
  EXPECT_EQ(Unary("/test.T/Unary", std::string(1001, 'x')).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(Unary("/test.T/Unary", std::string(1000, 'x')).ok());
}

TEST_F(OurClientOfAStrictServer, QueuesCallsBeyondTheServersStreams) {
  std::vector<CallLog> logs(100);
  ASSERT_TRUE(Unary("/test.T/Unary", "x").ok());

  for (CallLog& log : logs) {
    client_.Start("/test.T/Echo", kForever, LogTo(log))->HalfClose();
  }

  for (const CallLog& log : logs) {
    ASSERT_TRUE(RunUntil([&] { return log.done > 0; }));
    EXPECT_TRUE(log.status.ok()) << log.status;
  }
}

TEST_F(OurClientOfAStrictServer, AnswersKeepalivePings) {
  EXPECT_EQ(
      Unary("/test.T/Hang", "x", absl::Milliseconds(1500)).status().code(),
      absl::StatusCode::kDeadlineExceeded);
  EXPECT_FALSE(lost_);
}

TEST(OurClientOfAnotherService, IsToldThatThereIsNoSuchMethod) {
  v1::Shim::Service service;  // whose methods are UNIMPLEMENTED too
  const std::string name = NewSocketName();
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix-abstract:" + name,
                           grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  const auto loop = std::move(EventLoop::Create()).value();
  GrpcClient client(*loop, ConnectAbstract(name), [](const absl::Status&) {});

  for (const char* path : {"/holdfast.v1.Shim/Kill", "/test.T/Nope"}) {
    absl::Status status;
    client.Unary(
        path, "", kForever,
        [&](const absl::StatusOr<std::string>& got) { status = got.status(); });
    ASSERT_TRUE(RunUntil(*loop, [&] { return !status.ok(); }));
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << path;
  }
  server->Shutdown(std::chrono::system_clock::now());
}

}  // namespace
}  // namespace holdfast::rpc
