// Damaged input costs its connection, never the process or its neighbours.
// The inputs come from a generator with fixed seeds, so a failure comes back;
// what is used after its end, or leaked, is AddressSanitizer's to find.
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

#include "shim/rpc/message_framer.h"
#include "tests/shim/rpc/raw_peer.h"
#include "tests/shim/rpc/rpc_pair.h"

namespace holdfast::rpc {
namespace {

std::string Framed(absl::string_view message) {
  return MessagePrefix(message.size()) + std::string(message);
}

// What a client sends that makes several kinds of calls and ends properly.
std::string ValidExchange() {
  return Preface() + Encode({.type = kSettingsFrame, .flags = kAck}) +
         RequestFrame(1, "/test.T/Unary", {{"grpc-timeout", "1H"}}) +
         DataFrame(1, Framed("hello"), kEndStream) +
         RequestFrame(3, "/test.T/Echo") + DataFrame(3, Framed("one")) +
         Encode({.type = kPingFrame, .payload = "12345678"}) +
         DataFrame(3, Framed("two").substr(0, 4)) +
         DataFrame(3, Framed("two").substr(4), kEndStream) +
         RequestFrame(5, "/test.T/Hang") +
         Encode({.type = kWindowUpdateFrame, .payload = BigEndian(1000, 4)}) +
         RequestFrame(7, "/test.T/Nope", {}, kEndStream) +
         Encode({.type = kRstStreamFrame,
                 .stream = 5,
                 .payload = BigEndian(8, 4)}) +
         Encode({.type = kGoAwayFrame,
                 .payload = BigEndian(0, 4) + BigEndian(0, 4)});
}

// The same from a server, to a client's first call.
std::string ValidAnswer() {
  const auto headers = [](const HeaderList& list, uint8_t flags) {
    return Encode({.type = kHeadersFrame,
                   .flags = static_cast<uint8_t>(kEndHeaders | flags),
                   .stream = 1,
                   .payload = EncodeHeaders(list)});
  };
  return Encode({.type = kSettingsFrame}) +
         Encode({.type = kSettingsFrame, .flags = kAck}) +
         headers({{":status", "200"}, {"content-type", "application/grpc"}},
                 0) +
         DataFrame(1, Framed("one")) + DataFrame(1, Framed("two")) +
         Encode({.type = kPingFrame, .payload = "12345678"}) +
         headers({{"grpc-status", "9"},
                  {"grpc-message", "te%78t"},
                  {"holdfast-reason", "REASON"}},
                 kEndStream) +
         Encode({.type = kGoAwayFrame,
                 .payload = BigEndian(1, 4) + BigEndian(0, 4)});
}

class GrpcDamage : public testing::Test {
 protected:
  // A fresh connection is given `bytes` and then the end of the stream.
  void GiveToServer(absl::string_view bytes) {
    auto [server_end, peer_end] = ConnectedPair();
    ASSERT_TRUE(rpc_.server->Serve(std::move(server_end)).ok());
    const size_t closed = rpc_.closed.size();
    {
      RawPeer peer(std::move(peer_end));
      peer.Write(bytes);
      rpc_.loop->RunOnce(absl::ZeroDuration());
      peer.Read();
      rpc_.loop->RunOnce(absl::ZeroDuration());
    }
    ASSERT_TRUE(
        rpc_.RunUntil([&] { return rpc_.closed.size() == closed + 1; }));
  }

  // A fresh client with a call is given `bytes` for an answer.
  void GiveToClient(absl::string_view bytes) {
    auto [server_end, client_end] = ConnectedPair();
    bool lost = false;
    CallLog log;
    GrpcClient client(*rpc_.loop, std::move(client_end),
                      [&](const absl::Status&) { lost = true; });
    ClientCall* call =
        client.Start("/test.T/Echo", absl::InfiniteDuration(), LogTo(log));
    call->Send("message");
    call->HalfClose();
    {
      RawPeer peer(std::move(server_end));
      rpc_.loop->RunOnce(absl::ZeroDuration());
      peer.Write(bytes);
      rpc_.loop->RunOnce(absl::ZeroDuration());
      peer.Read();
      rpc_.loop->RunOnce(absl::ZeroDuration());
    }
    ASSERT_TRUE(rpc_.RunUntil([&] { return lost; }));
    ASSERT_EQ(log.done, 1);
  }

  void ExpectNothingIsLeftAndOthersAreServed() {
    EXPECT_EQ(rpc_.Unary("/test.T/Unary", "well?").value_or("no"), "well?");
    EXPECT_EQ(rpc_.log.made, rpc_.log.destroyed);
  }

  uint64_t Random(uint64_t below) { return random_() % below; }
  std::string RandomBytes(size_t size) {
    std::string bytes;
    for (size_t i = 0; i < size; ++i) bytes += static_cast<char>(random_());
    return bytes;
  }
  // Mostly of known types, mostly short, on streams that may be open.
  std::string RandomFrame() {
    const size_t size = Random(8) == 0 ? Random(20'000) : Random(40);
    return Encode({.type = static_cast<uint8_t>(Random(12)),
                   .flags = static_cast<uint8_t>(Random(4) == 0 ? Random(256)
                                                                : Random(6)),
                   .stream = static_cast<int32_t>(Random(10)),
                   .payload = RandomBytes(size)});
  }

  std::mt19937_64 random_{20261123};
  RpcPair rpc_;
};

TEST_F(GrpcDamage, TheValidExchangesAreValid) {
  auto [server_end, peer_end] = ConnectedPair();
  ASSERT_TRUE(rpc_.server->Serve(std::move(server_end)).ok());
  RawPeer peer(std::move(peer_end));
  peer.Write(ValidExchange());
  ASSERT_TRUE(rpc_.RunUntil([&] { return rpc_.closed.size() == 1; }));
  peer.Read();

  EXPECT_EQ(peer.Header(1, "grpc-status"), "0");
  EXPECT_EQ(peer.Header(3, "grpc-status"), "0");
  EXPECT_EQ(peer.Header(7, "grpc-status"), "12");
  EXPECT_EQ(rpc_.log.messages, 2);
  EXPECT_EQ(rpc_.log.gone, 1);
}

TEST_F(GrpcDamage, OfRandomBytes) {
  for (int i = 0; i < 300; ++i) {
    GiveToServer(RandomBytes(Random(2000)));
    GiveToClient(RandomBytes(Random(2000)));
  }

  ExpectNothingIsLeftAndOthersAreServed();
}

TEST_F(GrpcDamage, OfRandomFramesAfterAPreface) {
  for (int i = 0; i < 1000; ++i) {
    std::string bytes = Preface() + RequestFrame(1, "/test.T/Echo") +
                        RequestFrame(3, "/test.T/Hang");
    for (uint64_t frames = Random(10); frames > 0; --frames) {
      bytes += RandomFrame();
    }
    GiveToServer(bytes);
  }

  ExpectNothingIsLeftAndOthersAreServed();
}

TEST_F(GrpcDamage, OfRandomBytesOnAGoodStream) {
  for (int i = 0; i < 300; ++i) {
    std::string bytes = Preface() + RequestFrame(1, "/test.T/Echo");
    for (uint64_t frames = Random(6); frames > 0; --frames) {
      bytes += DataFrame(1, RandomBytes(Random(50)));
    }
    GiveToServer(bytes);
  }

  ExpectNothingIsLeftAndOthersAreServed();
}

TEST_F(GrpcDamage, OfRandomHeaders) {
  for (int i = 0; i < 300; ++i) {
    const HeaderList headers = {{"grpc-timeout", RandomBytes(Random(10))},
                                {RandomBytes(Random(5)), RandomBytes(3)},
                                {":path", RandomBytes(Random(20))}};
    GiveToServer(Preface() + RequestFrame(1, "/test.T/Hang", headers));
  }

  ExpectNothingIsLeftAndOthersAreServed();
}

TEST_F(GrpcDamage, OfAnExchangeCutOffAnywhere) {
  const std::string exchange = ValidExchange();
  for (size_t size = 0; size < exchange.size(); ++size) {
    GiveToServer(exchange.substr(0, size));
  }
  const std::string answer = ValidAnswer();
  for (size_t size = 0; size < answer.size(); ++size) {
    GiveToClient(answer.substr(0, size));
  }

  ExpectNothingIsLeftAndOthersAreServed();
}

TEST_F(GrpcDamage, OfABitThatFlippedAnywhere) {
  const auto flipped = [](std::string bytes, size_t bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    return bytes;
  };
  const std::string exchange = ValidExchange();
  for (size_t bit = 0; bit < exchange.size() * 8; ++bit) {
    GiveToServer(flipped(exchange, bit));
  }
  const std::string answer = ValidAnswer();
  for (size_t bit = 0; bit < answer.size() * 8; ++bit) {
    GiveToClient(flipped(answer, bit));
  }

  ExpectNothingIsLeftAndOthersAreServed();
}

}  // namespace
}  // namespace holdfast::rpc
