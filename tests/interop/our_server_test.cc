// Our server with stock grpc++ clients.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/shim.grpc.pb.h"
#include "tests/interop/serving_thread.h"
#include "tests/interop/stock_client.h"

namespace holdfast::rpc {
namespace {

constexpr size_t kMiB = 1 << 20;

std::chrono::system_clock::time_point After(int milliseconds) {
  return std::chrono::system_clock::now() +
         std::chrono::milliseconds(milliseconds);
}

// The value of a trailer, or "".
std::string Trailer(const grpc::ClientContext& context, const char* name) {
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find(name);
  if (found == trailers.end()) return "";
  return {found->second.data(), found->second.size()};
}

// Reads until the stream's end; the number of messages and its status.
std::pair<int, grpc::Status> ReadToEnd(StockStream& stream) {
  grpc::ByteBuffer message;
  int messages = 0;
  while (stream.Read(&message)) ++messages;
  return {messages, stream.Finish()};
}

// A message there and back: the stream is open and the server has it.
bool PingPong(StockStream& stream, const std::string& message) {
  grpc::ByteBuffer answer;
  return stream.Write(ToBuffer(message)) && stream.Read(&answer) &&
         FromBuffer(answer) == message;
}

class OurServer : public testing::Test {
 protected:
  ServingThread serving_;
  std::shared_ptr<grpc::Channel> channel_ = StockChannel(serving_.address());
};

TEST_F(OurServer, AnswersUnaryCallsOfAnySize) {
  for (const size_t size :
       {size_t{0}, size_t{100}, 300 * kMiB / 1024, 4 * kMiB}) {
    const std::string request(size, 'x');

    const StockAnswer answer = StockUnary(*channel_, "/test.T/Unary", request);

    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
    EXPECT_TRUE(answer.response == request) << size << " bytes";
  }
}

TEST_F(OurServer, SpeaksWithAGeneratedStub) {
  serving_.OnLoop([&] {
    serving_.server().AddUnary(
        "/holdfast.v1.Shim/Kill",
        [](absl::string_view bytes,
           ServerCall& /*call*/) -> absl::StatusOr<std::string> {
          v1::ShimKillRequest request;
          request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
          return absl::NotFoundError(request.task_id());
        });
  });
  const auto stub = v1::Shim::NewStub(channel_);
  grpc::ClientContext context;
  v1::ShimKillRequest request;
  v1::ShimKillResponse response;
  request.set_task_id("t-7");

  const grpc::Status status = stub->Kill(&context, request, &response);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "t-7");
}

TEST_F(OurServer, StreamsThousandsOfMessagesBothWays) {
  constexpr int kMessages = 5000;
  grpc::ClientContext context;
  const auto stream = StartStockStream(*channel_, "/test.T/Echo", context);

  std::thread writer([&] {
    for (int i = 0; i < kMessages; ++i) {
      stream->Write(ToBuffer(absl::StrCat("message ", i)));
    }
    stream->WritesDone();
  });
  grpc::ByteBuffer message;
  int read = 0;
  while (stream->Read(&message)) {
    EXPECT_EQ(FromBuffer(message), absl::StrCat("message ", read));
    ++read;
  }
  writer.join();

  EXPECT_EQ(read, kMessages);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(OurServer, EchoesLargeMessagesOnAStream) {
  grpc::ClientContext context;
  const auto stream = StartStockStream(*channel_, "/test.T/Echo", context);

  for (const char fill : {'a', 'b', 'c', 'd', 'e'}) {
    EXPECT_TRUE(PingPong(*stream, std::string(3 * kMiB, fill)));
  }

  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(OurServer, StreamsToAClientThatSentOneMessage) {
  grpc::ClientContext context;
  const auto stream = StartStockStream(*channel_, "/test.T/Count", context);
  stream->WriteLast(ToBuffer("3000 1000"), {});

  const auto [messages, status] = ReadToEnd(*stream);

  EXPECT_EQ(messages, 3000);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(OurServer, EndsACallWhoseClientHasNotSentAll) {
  grpc::ClientContext context;
  const auto stream = StartStockStream(*channel_, "/test.T/Count", context);
  stream->Write(ToBuffer("2 10"));

  const auto [messages, status] = ReadToEnd(*stream);

  EXPECT_EQ(messages, 2);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(OurServer, EndsACallAtItsDeadline) {
  grpc::ClientContext context;
  context.set_deadline(After(50));

  const StockAnswer answer =
      StockUnary(*channel_, "/test.T/Hang", "x", context);

  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(serving_.WaitUntil([&] {
    return serving_.log().gone == 1 && serving_.log().destroyed == 1;
  }));
}

TEST_F(OurServer, HearsThatAClientCancelled) {
  grpc::ClientContext context;
  const auto stream = StartStockStream(*channel_, "/test.T/Hang", context);
  ASSERT_TRUE(serving_.WaitUntil([&] { return serving_.log().made == 1; }));

  context.TryCancel();

  EXPECT_EQ(ReadToEnd(*stream).second.error_code(),
            grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(serving_.WaitUntil([&] { return serving_.log().gone == 1; }));
}

TEST_F(OurServer, CancelsACallItself) {
  grpc::ClientContext context;
  const auto stream = StartStockStream(*channel_, "/test.T/Hang", context);
  ASSERT_TRUE(serving_.WaitUntil([&] { return serving_.log().made == 1; }));

  serving_.OnLoop([&] {
    serving_.log().hanging.front()->Finish(absl::CancelledError("by server"));
  });

  const grpc::Status status = ReadToEnd(*stream).second;
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(status.error_message(), "by server");
}

TEST_F(OurServer, HearsThatAClientIsGone) {
  auto context = std::make_unique<grpc::ClientContext>();
  auto stream = StartStockStream(*channel_, "/test.T/Hang", *context);
  ASSERT_TRUE(serving_.WaitUntil([&] { return serving_.log().made == 1; }));
  std::atomic<int> closed = 0;
  serving_.OnLoop([&] {
    serving_.server().OnConnectionClosed([&](uint64_t) { ++closed; });
  });

  context->TryCancel();
  ReadToEnd(*stream);
  stream.reset();
  context.reset();
  channel_.reset();

  EXPECT_TRUE(serving_.WaitUntil([&] { return closed == 1; }));
}

TEST_F(OurServer, SaysWhatItDoesNotHave) {
  const StockAnswer answer = StockUnary(*channel_, "/test.T/Nope", "x");

  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(answer.status.error_message(), "no method /test.T/Nope");
}

TEST_F(OurServer, RefusesAMessageBeyondItsLimit) {
  const StockAnswer answer =
      StockUnary(*channel_, "/test.T/Unary", std::string(4 * kMiB + 1, 'x'));

  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(StockUnary(*channel_, "/test.T/Unary", "x").status.ok());
}

TEST_F(OurServer, RefusesACompressedMessage) {
  grpc::ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);

  const StockAnswer answer = StockUnary(*channel_, "/test.T/Unary",
                                        std::string(100'000, 'x'), context);

  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(OurServer, SendsEveryCodeWithItsTextAndReason) {
  for (int code = 1; code <= 16; ++code) {
    grpc::ClientContext context;

    const StockAnswer answer =
        StockUnary(*channel_, "/test.T/Fail",
                   absl::StrCat(code, " gr\xc3\xbc\xc3\x9f 100%\n"), context);

    EXPECT_EQ(answer.status.error_code(), code);
    EXPECT_EQ(answer.status.error_message(), "gr\xc3\xbc\xc3\x9f 100%\n");
    EXPECT_EQ(Trailer(context, "holdfast-reason"), "TEST_REASON");
  }
}

TEST_F(OurServer, SendsATextThatIsTooLongInPart) {
  const StockAnswer answer = StockUnary(*channel_, "/test.T/Fail",
                                        "5 " + std::string(100'000, '\xff'));

  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_FALSE(answer.status.error_message().empty());
}

TEST_F(OurServer, ServesManyThreadsOnOneConnection) {
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  threads.reserve(50);
  for (int t = 0; t < 50; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        const std::string request = absl::StrCat(t, " ", i);
        right +=
            StockUnary(*channel_, "/test.T/Unary", request).response == request;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(right, 5000);
}

TEST_F(OurServer, ServesAHundredStreamsAtATime) {
  std::vector<grpc::ClientContext> contexts(100);
  std::vector<std::unique_ptr<StockStream>> streams;
  streams.reserve(contexts.size());
  for (grpc::ClientContext& context : contexts) {
    streams.push_back(StartStockStream(*channel_, "/test.T/Echo", context));
  }

  for (const char fill : {'a', 'b', 'c', 'd', 'e'}) {
    for (const auto& stream : streams) {
      ASSERT_TRUE(PingPong(*stream, std::string(1000, fill)));
    }
  }

  for (const auto& stream : streams) {
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
  }
}

TEST_F(OurServer, AnswersKeepalivePings) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 200);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 200);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  const auto channel = StockChannel(serving_.address(), arguments);
  grpc::ClientContext context;
  context.set_deadline(After(1500));

  const StockAnswer answer = StockUnary(*channel, "/test.T/Hang", "x", context);

  // Were a ping not answered, or one too many, it would be UNAVAILABLE.
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(OurServer, DrainsWithoutDisturbingOpenCalls) {
  grpc::ClientContext context;
  const auto stream = StartStockStream(*channel_, "/test.T/Echo", context);
  ASSERT_TRUE(PingPong(*stream, "before"));
  std::atomic<bool> drained = false;

  serving_.OnLoop([&] { serving_.server().Drain([&] { drained = true; }); });

  EXPECT_TRUE(PingPong(*stream, "after"));
  EXPECT_EQ(StockUnary(*channel_, "/test.T/Unary", "x").status.error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(drained);
  stream->WritesDone();
  EXPECT_TRUE(ReadToEnd(*stream).second.ok());
  EXPECT_TRUE(serving_.WaitUntil([&] { return drained.load(); }));
}

}  // namespace
}  // namespace holdfast::rpc
