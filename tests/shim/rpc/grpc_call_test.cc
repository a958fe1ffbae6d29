// Calls between our client and our server, over one connection in one loop.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "shim/rpc/grpc_status.h"
#include "tests/shim/rpc/rpc_pair.h"

namespace holdfast::rpc {
namespace {

constexpr size_t kMiB = 1 << 20;
constexpr absl::Duration kForever = absl::InfiniteDuration();

// Bytes that are not all the same, so that a piece out of place is seen.
std::string Patterned(size_t bytes) {
  std::string pattern(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) {
    pattern[i] = static_cast<char>(i * 7 + i / 251);
  }
  return pattern;
}

TEST(GrpcCall, AnswersAUnaryCall) {
  RpcPair rpc;

  EXPECT_EQ(rpc.Unary("/test.T/Unary", "hello").value(), "hello");
  EXPECT_EQ(rpc.Unary("/test.T/Unary", "").value(), "");
}

TEST(GrpcCall, CarriesLargeMessagesBothWays) {
  RpcPair rpc({.max_message_bytes = 16 * kMiB});
  const std::string large = Patterned(9 * kMiB);

  const absl::StatusOr<std::string> answer = rpc.Unary("/test.T/Unary", large);

  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(*answer == large);
}

TEST(GrpcCall, TakesAMessageOfTheLimitAndRefusesOneBeyond) {
  RpcPair rpc({.max_message_bytes = 1000});

  EXPECT_TRUE(rpc.Unary("/test.T/Unary", std::string(1000, 'x')).ok());
  EXPECT_EQ(rpc.Unary("/test.T/Unary", std::string(1001, 'x')).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(rpc.Unary("/test.T/Unary", "still there").ok());
}

TEST(GrpcCall, EndsWithTheServersStatusAndReason) {
  RpcPair rpc;

  const absl::Status status =
      rpc.Unary("/test.T/Fail", "9 gr\xc3\xbc\xc3\x9f 100%\n").status();

  EXPECT_EQ(status, StatusOfRequest("9 gr\xc3\xbc\xc3\x9f 100%\n"));
  EXPECT_EQ(status.GetPayload(kReasonPayload), absl::Cord("TEST_REASON"));
}

TEST(GrpcCall, IsUnimplementedWithoutSuchAMethod) {
  RpcPair rpc;

  const absl::Status status = rpc.Unary("/test.T/Nope", "x").status();

  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(status.message(), "no method /test.T/Nope");
}

TEST(GrpcCall, UnaryTakesExactlyOneMessage) {
  RpcPair rpc;
  CallLog none;
  CallLog two;

  rpc.client->Start("/test.T/Unary", kForever, LogTo(none))->HalfClose();
  ClientCall* call = rpc.client->Start("/test.T/Unary", kForever, LogTo(two));
  call->Send("one");
  call->Send("two");
  call->HalfClose();

  ASSERT_TRUE(rpc.RunUntil([&] { return none.done && two.done; }));
  EXPECT_EQ(none.status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(two.status.code(), absl::StatusCode::kUnimplemented);
}

TEST(GrpcCall, StreamsThousandsOfMessagesBothWaysInOrder) {
  RpcPair rpc;
  CallLog log;
  std::vector<std::string> sent;
  sent.reserve(5000);
  for (int i = 0; i < 5000; ++i) {
    sent.push_back(absl::StrCat("message ", i, std::string(i % 300, 'x')));
  }

  ClientCall* call = rpc.client->Start("/test.T/Echo", kForever, LogTo(log));
  for (const std::string& message : sent) call->Send(message);
  call->HalfClose();

  ASSERT_TRUE(rpc.RunUntil([&] { return log.done > 0; }));
  EXPECT_TRUE(log.status.ok()) << log.status;
  EXPECT_EQ(log.messages, sent);
}

TEST(GrpcCall, PlaysPingPongOnAStream) {
  RpcPair rpc;
  CallLog log;
  ClientCall* call = rpc.client->Start("/test.T/Echo", kForever, LogTo(log));

  for (size_t i = 1; i <= 100; ++i) {
    call->Send("ping");
    ASSERT_TRUE(rpc.RunUntil([&] { return log.messages.size() == i; }));
  }

  EXPECT_EQ(log.done, 0);
}

TEST(GrpcCall, ServesStreamsSideBySide) {
  RpcPair rpc;
  std::vector<CallLog> logs(100);

  for (CallLog& log : logs) {
    ClientCall* call = rpc.client->Start("/test.T/Echo", kForever, LogTo(log));
    for (int i = 0; i < 20; ++i) call->Send(Patterned(5000));
    call->HalfClose();
  }

  for (const CallLog& log : logs) {
    ASSERT_TRUE(rpc.RunUntil([&] { return log.done > 0; }));
    EXPECT_TRUE(log.status.ok()) << log.status;
    EXPECT_EQ(log.messages, std::vector<std::string>(20, Patterned(5000)));
  }
}

TEST(GrpcCall, QueuesWhatIsBeyondTheServersStreams) {
  RpcPair rpc({.max_streams = 3});
  std::vector<CallLog> logs(50);
  // The limit is known to the client once it has heard the server.
  ASSERT_TRUE(rpc.Unary("/test.T/Unary", "first").ok());

  for (CallLog& log : logs) {
    ClientCall* call = rpc.client->Start("/test.T/Echo", kForever, LogTo(log));
    call->Send("x");
    call->HalfClose();
  }

  for (const CallLog& log : logs) {
    ASSERT_TRUE(rpc.RunUntil([&] { return log.done > 0; }));
    EXPECT_TRUE(log.status.ok()) << log.status;
  }
}

TEST(GrpcCall, PassesItsDeadlineOnBothSides) {
  RpcPair rpc;
  CallLog log;

  rpc.client->Start("/test.T/Hang", absl::Milliseconds(20), LogTo(log));

  ASSERT_TRUE(rpc.RunUntil([&] { return log.done > 0 && rpc.log.gone > 0; }));
  EXPECT_EQ(log.status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(rpc.log.gone, 1);
  EXPECT_TRUE(rpc.Unary("/test.T/Unary", "x", absl::Seconds(10)).ok());
}

TEST(GrpcCall, HasPassedADeadlineOfZeroAtOnce) {
  RpcPair rpc;
  CallLog log;

  rpc.client->Start("/test.T/Hang", absl::ZeroDuration(), LogTo(log));

  EXPECT_EQ(log.done, 0);  // from the loop, as every callback
  ASSERT_TRUE(rpc.RunUntil([&] { return log.done > 0; }));
  EXPECT_EQ(log.status.code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(GrpcCall, QueuedBeyondTheServersStreamsStillHasItsDeadline) {
  RpcPair rpc({.max_streams = 1});
  CallLog hanging;
  CallLog queued;
  ASSERT_TRUE(rpc.Unary("/test.T/Unary", "first").ok());

  rpc.client->Start("/test.T/Hang", kForever, LogTo(hanging));
  rpc.client->Start("/test.T/Hang", absl::Milliseconds(20), LogTo(queued));

  ASSERT_TRUE(rpc.RunUntil([&] { return queued.done > 0; }));
  EXPECT_EQ(queued.status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(hanging.done, 0);
  EXPECT_EQ(rpc.log.made, 1);
}

TEST(GrpcCall, IsCancelledByItsClientAtOnceAndTheHandlerHearsIt) {
  RpcPair rpc;
  CallLog log;
  ClientCall* call = rpc.client->Start("/test.T/Hang", kForever, LogTo(log));
  ASSERT_TRUE(rpc.RunUntil([&] { return rpc.log.made > 0; }));

  call->Cancel();

  EXPECT_EQ(log.done, 1);
  EXPECT_EQ(log.status.code(), absl::StatusCode::kCancelled);
  ASSERT_TRUE(rpc.RunUntil([&] { return rpc.log.destroyed > 0; }));
  EXPECT_EQ(rpc.log.gone, 1);
  EXPECT_EQ(log.done, 1);
}

TEST(GrpcCall, IsCancelledBeforeItsServerHeardOfIt) {
  RpcPair rpc;
  CallLog log;

  rpc.client->Start("/test.T/Hang", kForever, LogTo(log))->Cancel();

  EXPECT_EQ(log.status.code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(rpc.Unary("/test.T/Unary", "x").ok());
  EXPECT_EQ(rpc.log.made, rpc.log.gone);
}

TEST(GrpcCall, EndsBeforeTheClientHasSentAll) {
  RpcPair rpc;
  CallLog log;
  ClientCall* call = rpc.client->Start("/test.T/Count", kForever, LogTo(log));

  call->Send("3 10");  // and no half-close

  ASSERT_TRUE(rpc.RunUntil([&] { return log.done > 0; }));
  EXPECT_TRUE(log.status.ok()) << log.status;
  EXPECT_EQ(log.messages, std::vector<std::string>(3, "cccccccccc"));
}

TEST(GrpcCall, TellsTheBytesThatWaitForTheClient) {
  RpcPair rpc;
  CallLog log;
  rpc.client->Start("/test.T/Hang", kForever, LogTo(log));
  ASSERT_TRUE(rpc.RunUntil([&] { return !rpc.log.hanging.empty(); }));
  ServerCall* call = rpc.log.hanging.front();

  call->Send(std::string(3 * kMiB, 'x'));

  EXPECT_EQ(call->unsent_bytes(), 3 * kMiB + 5);
  ASSERT_TRUE(rpc.RunUntil([&] { return !log.messages.empty(); }));
  EXPECT_EQ(call->unsent_bytes(), 0);
}

TEST(GrpcCall, KnowsItsConnection) {
  RpcPair rpc;
  CallLog logs[3];
  auto [server_end, client_end] = ConnectedPair();
  const absl::StatusOr<uint64_t> number =
      rpc.server->Serve(std::move(server_end));
  GrpcClient other(*rpc.loop, std::move(client_end),
                   [](const absl::Status&) {});

  rpc.client->Start("/test.T/Hang", kForever, LogTo(logs[0]));
  rpc.client->Start("/test.T/Hang", kForever, LogTo(logs[1]));
  ASSERT_TRUE(rpc.RunUntil([&] { return rpc.log.hanging.size() == 2; }));
  other.Start("/test.T/Hang", kForever, LogTo(logs[2]));
  ASSERT_TRUE(rpc.RunUntil([&] { return rpc.log.hanging.size() == 3; }));

  const std::vector<ServerCall*>& calls = rpc.log.hanging;
  EXPECT_EQ(calls[0]->connection(), calls[1]->connection());
  EXPECT_NE(calls[0]->connection(), calls[2]->connection());
  EXPECT_EQ(calls[2]->connection(), *number);
}

}  // namespace
}  // namespace holdfast::rpc
