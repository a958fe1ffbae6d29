#include "shim/rpc/ttrpc_client.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/containerd/ttrpc.pb.h"
#include "tests/fakes/fake_clock.h"
#include "tests/shim/rpc/rpc_pair.h"
#include "tests/shim/rpc/ttrpc_peer.h"

namespace holdfast::rpc {
namespace {

using absl::StatusCode;

constexpr absl::Duration kForever = absl::InfiniteDuration();

// How calls ended, in that order: the response, or the error's text.
struct Ends {
  std::vector<absl::StatusOr<std::string>> all;
  TtrpcClient::Done Take() {
    return [this](absl::StatusOr<std::string> result) {
      all.push_back(std::move(result));
    };
  }
};

// A client, and the server's end written by hand.
class ClientAndPeer {
 public:
  explicit ClientAndPeer(const Clock& clock = SystemClock()) {
    loop = std::move(EventLoop::Create(clock)).value();
    auto [client_end, peer_end] = ConnectedPair();
    client = std::make_unique<TtrpcClient>(*loop, std::move(client_end));
    peer = std::make_unique<TtrpcPeer>(std::move(peer_end));
  }
  void Call(absl::string_view payload, absl::Duration timeout = kForever) {
    client->Call(kTtrpcService, "Echo", payload, timeout, {}, ends.Take());
  }
  void Answer(uint32_t stream, const absl::StatusOr<std::string>& result) {
    peer->Write(
        TtrpcFrame(TtrpcType::kResponse, stream, EncodeTtrpcResponse(result)));
  }
  bool AwaitEnds(size_t count) {
    return RunUntil(*loop, [&] {
      peer->Read();
      return ends.all.size() >= count;
    });
  }
  // The request of the peer's frame with that index.
  ttrpc::Request Request(size_t index) {
    EXPECT_TRUE(RunUntil(*loop, [&] {
      peer->Read();
      return peer->frames().size() > index;
    }));
    ttrpc::Request request;
    EXPECT_TRUE(request.ParseFromString(peer->frames()[index].data));
    return request;
  }

  std::unique_ptr<EventLoop> loop;
  Ends ends;
  std::unique_ptr<TtrpcClient> client;
  std::unique_ptr<TtrpcPeer> peer;
};

TEST(TtrpcClient, CallsOurServer) {
  TtrpcServing serving;
  auto [server_end, client_end] = ConnectedPair();
  ASSERT_TRUE(serving.server->Serve(std::move(server_end)).ok());
  TtrpcClient client(*serving.loop, std::move(client_end));
  Ends ends;

  client.Call(kTtrpcService, "Echo", "hello", kForever, {}, ends.Take());
  client.Call(kTtrpcService, "Fail", "why", absl::Seconds(60), {}, ends.Take());

  EXPECT_TRUE(ends.all.empty());  // never from within Call
  ASSERT_TRUE(RunUntil(*serving.loop, [&] { return ends.all.size() == 2; }));
  EXPECT_EQ(*ends.all[0], "hello");
  EXPECT_EQ(ends.all[1].status(), absl::NotFoundError("why"));
}

TEST(TtrpcClient, NumbersItsStreamsOddAndUpwards) {
  ClientAndPeer pair;

  pair.Call("a");
  pair.Call("b", absl::Nanoseconds(1'500));
  pair.client->Call("s", "m", "c", kForever, {{"key", "value"}},
                    pair.ends.Take());

  EXPECT_EQ(pair.Request(0).payload(), "a");
  EXPECT_EQ(pair.Request(0).timeout_nano(), 0);
  EXPECT_EQ(pair.Request(1).timeout_nano(), 1'500);
  const ttrpc::Request third = pair.Request(2);
  EXPECT_EQ(third.service(), "s");
  EXPECT_EQ(third.method(), "m");
  ASSERT_EQ(third.metadata_size(), 1);
  EXPECT_EQ(third.metadata(0).key(), "key");
  EXPECT_EQ(third.metadata(0).value(), "value");
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(pair.peer->frames()[i].header.stream, 2 * i + 1);
    EXPECT_EQ(pair.peer->frames()[i].header.type, 1);
    EXPECT_EQ(pair.peer->frames()[i].header.flags, 0);
  }
}

TEST(TtrpcClient, TakesAnswersInAnyOrder) {
  ClientAndPeer pair;
  for (int i = 0; i < 3; ++i) pair.Call("x");

  pair.Answer(5, "third");
  pair.Answer(1, absl::UnavailableError("first"));
  pair.Answer(3, "second");

  ASSERT_TRUE(pair.AwaitEnds(3));
  EXPECT_EQ(*pair.ends.all[0], "third");
  EXPECT_EQ(pair.ends.all[1].status(), absl::UnavailableError("first"));
  EXPECT_EQ(*pair.ends.all[2], "second");
}

TEST(TtrpcClient, GivesTheServersErrorsByTheirCodes) {
  ClientAndPeer pair;
  for (int code = 1; code <= 16; ++code) {
    pair.Call("x");
    pair.Answer(static_cast<uint32_t>(2 * code - 1),
                absl::Status(static_cast<StatusCode>(code),
                             absl::StrCat("code ", code)));
  }

  ASSERT_TRUE(pair.AwaitEnds(16));
  for (int code = 1; code <= 16; ++code) {
    EXPECT_EQ(pair.ends.all[code - 1].status(),
              absl::Status(static_cast<StatusCode>(code),
                           absl::StrCat("code ", code)));
  }
}

TEST(TtrpcClient, TakesACodeThatNobodyHasForUnknown) {
  ClientAndPeer pair;
  pair.Call("x");

  pair.Answer(1, absl::Status(static_cast<StatusCode>(99), "strange"));

  ASSERT_TRUE(pair.AwaitEnds(1));
  EXPECT_EQ(pair.ends.all[0].status().code(), StatusCode::kUnknown);
  EXPECT_EQ(pair.ends.all[0].status().message(), "strange");
}

TEST(TtrpcClient, EndsACallAtItsTimeoutAndIgnoresALateAnswer) {
  FakeClock clock;
  ClientAndPeer pair(clock);
  pair.Call("x", absl::Seconds(5));
  pair.Call("y");
  RunUntilQuiet(*pair.loop);
  EXPECT_TRUE(pair.ends.all.empty());

  clock.Advance(absl::Seconds(5));

  ASSERT_TRUE(pair.AwaitEnds(1));
  EXPECT_EQ(pair.ends.all[0].status().code(), StatusCode::kDeadlineExceeded);
  pair.Answer(1, "late");
  pair.Answer(3, "other");
  ASSERT_TRUE(pair.AwaitEnds(2));
  EXPECT_EQ(*pair.ends.all[1], "other");
  RunUntilQuiet(*pair.loop);
  EXPECT_EQ(pair.ends.all.size(), 2);
}

TEST(TtrpcClient, SendsNothingWithoutAnyTime) {
  ClientAndPeer pair;

  pair.Call("x", absl::ZeroDuration());

  EXPECT_TRUE(pair.ends.all.empty());
  ASSERT_TRUE(pair.AwaitEnds(1));
  EXPECT_EQ(pair.ends.all[0].status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(pair.peer->frames().empty());
}

TEST(TtrpcClient, SendsNoRequestThatIsTooLong) {
  ClientAndPeer pair;

  pair.Call(std::string(kTtrpcMaxData, 'x'));

  EXPECT_TRUE(pair.ends.all.empty());
  ASSERT_TRUE(pair.AwaitEnds(1));
  EXPECT_EQ(pair.ends.all[0].status().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(pair.peer->frames().empty());
  EXPECT_TRUE(pair.client->connected());
}

TEST(TtrpcClient, EndsACallWhoseResponseIsTooLong) {
  ClientAndPeer pair;
  pair.Call("x");
  pair.Call("y");

  pair.peer->Write(
      TtrpcFrame(TtrpcType::kResponse, 1, std::string(kTtrpcMaxData + 1, 'x')));
  pair.Answer(3, "fine");

  ASSERT_TRUE(pair.AwaitEnds(2));
  EXPECT_EQ(pair.ends.all[0].status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(*pair.ends.all[1], "fine");
}

TEST(TtrpcClient, EndsACallWhoseResponseCannotBeRead) {
  ClientAndPeer pair;
  pair.Call("x");

  pair.peer->Write(TtrpcFrame(TtrpcType::kResponse, 1, "\xff\xff"));

  ASSERT_TRUE(pair.AwaitEnds(1));
  EXPECT_EQ(pair.ends.all[0].status().code(), StatusCode::kInternal);
  EXPECT_TRUE(pair.client->connected());
}

TEST(TtrpcClient, IgnoresWhatIsNoResponseOfAnOpenCall) {
  ClientAndPeer pair;
  pair.Call("x");

  pair.peer->Write(TtrpcFrame(TtrpcType::kData, 1, "data") +
                   TtrpcFrame(static_cast<TtrpcType>(9), 1, "nine") +
                   TtrpcFrame(TtrpcType::kRequest, 1, "request"));
  pair.Answer(7, "whose?");
  pair.Answer(1, "this");

  ASSERT_TRUE(pair.AwaitEnds(1));
  EXPECT_EQ(*pair.ends.all[0], "this");
}

TEST(TtrpcClient, EndsItsCallsWhenTheConnectionIsLost) {
  ClientAndPeer pair;
  pair.Call("a", absl::Hours(1));
  pair.Call("b");

  pair.peer->Close();

  ASSERT_TRUE(pair.AwaitEnds(2));
  EXPECT_EQ(pair.ends.all[0].status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(pair.ends.all[1].status().code(), StatusCode::kUnavailable);
  EXPECT_FALSE(pair.client->connected());
  pair.Call("c");
  EXPECT_EQ(pair.ends.all.size(), 2);  // never from within Call
  ASSERT_TRUE(pair.AwaitEnds(3));
  EXPECT_EQ(pair.ends.all[2].status().code(), StatusCode::kUnavailable);
}

TEST(TtrpcClient, HearsAnAnswerThatWasGivenBeforeTheEnd) {
  ClientAndPeer pair;
  pair.Call("a");
  pair.Answer(1, "farewell");
  pair.peer->Close();

  pair.Call("b");  // finds nobody

  ASSERT_TRUE(pair.AwaitEnds(2));
  EXPECT_EQ(*pair.ends.all[0], "farewell");
  EXPECT_EQ(pair.ends.all[1].status().code(), StatusCode::kUnavailable);
}

TEST(TtrpcClient, LosesAServerThatNeverReads) {
  ClientAndPeer pair;
  const std::string payload(4'000'000, 'x');

  for (int i = 0; i < 10; ++i) pair.Call(payload);

  EXPECT_TRUE(pair.ends.all.empty());
  ASSERT_TRUE(RunUntil(*pair.loop, [&] { return pair.ends.all.size() == 10; }));
  for (const auto& end : pair.ends.all) {
    EXPECT_EQ(end.status().code(), StatusCode::kUnavailable);
  }
  EXPECT_FALSE(pair.client->connected());
}

TEST(TtrpcClient, MayBeDestroyedByTheEndOfACall) {
  ClientAndPeer pair;
  int ends = 0;
  for (int i = 0; i < 3; ++i) {
    pair.client->Call(kTtrpcService, "Echo", "", absl::Hours(1), {},
                      [&](const absl::StatusOr<std::string>& /*result*/) {
                        ++ends;
                        pair.client.reset();
                      });
  }

  pair.peer->Close();

  ASSERT_TRUE(RunUntil(*pair.loop, [&] { return ends > 0; }));
  RunUntilQuiet(*pair.loop);
  EXPECT_EQ(ends, 1);
}

TEST(TtrpcClient, MayCallAgainAtTheEndOfACall) {
  ClientAndPeer pair;
  pair.client->Call(kTtrpcService, "Echo", "", kForever, {},
                    [&](const absl::StatusOr<std::string>& /*result*/) {
                      pair.Call("again");
                    });

  pair.peer->Close();

  ASSERT_TRUE(pair.AwaitEnds(1));
  EXPECT_EQ(pair.ends.all[0].status().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace holdfast::rpc
