// Our server as a peer sees it that writes its frames by hand.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "shim/rpc/message_framer.h"
#include "tests/shim/rpc/raw_peer.h"
#include "tests/shim/rpc/rpc_pair.h"

namespace holdfast::rpc {
namespace {

std::string Framed(absl::string_view message) {
  return MessagePrefix(message.size()) + std::string(message);
}

class GrpcWire : public testing::Test {
 protected:
  GrpcWire() {
    auto [server_end, peer_end] = ConnectedPair();
    EXPECT_TRUE(rpc_.server->Serve(std::move(server_end)).ok());
    peer_ = std::make_unique<RawPeer>(std::move(peer_end));
  }

  // Writes, and turns the loop until nothing more comes of it.
  void Exchange(absl::string_view bytes) {
    peer_->Write(bytes);
    RunUntilQuiet(*rpc_.loop);
    peer_->Read();
  }
  // The stream's trailers: "<http status>/<grpc-status>".
  std::string Outcome(int32_t stream) {
    return absl::StrCat(peer_->Header(stream, ":status"), "/",
                        peer_->Header(stream, "grpc-status"));
  }
  // The peer that is next to it goes on as if nothing had happened.
  void ExpectOthersAreServed() {
    EXPECT_EQ(rpc_.Unary("/test.T/Unary", "well?").value_or("no"), "well?");
  }

  RpcPair rpc_;
  std::unique_ptr<RawPeer> peer_;
};

TEST_F(GrpcWire, AnswersAUnaryCallInThreeFrames) {
  Exchange(Preface() + RequestFrame(1, "/test.T/Unary") +
           DataFrame(1, Framed("hello"), kEndStream));

  EXPECT_EQ(Outcome(1), "200/0");
  EXPECT_EQ(peer_->Header(1, "content-type"), "application/grpc");
  ASSERT_EQ(peer_->Frames(kDataFrame, 1).size(), 1);
  EXPECT_EQ(peer_->Frames(kDataFrame, 1)[0].payload, Framed("hello"));
  EXPECT_EQ(peer_->Frames(kHeadersFrame, 1).size(), 2);
  EXPECT_EQ(peer_->Frames(kRstStreamFrame, 1).size(), 0);
}

TEST_F(GrpcWire, AnErrorIsTrailersAlone) {
  Exchange(Preface() + RequestFrame(1, "/test.T/Fail") +
           DataFrame(1, Framed("9 g\xc3\xbcnstig"), kEndStream));

  EXPECT_EQ(Outcome(1), "200/9");
  EXPECT_EQ(peer_->Header(1, "grpc-message"), "g%C3%BCnstig");
  EXPECT_EQ(peer_->Header(1, "holdfast-reason"), "TEST_REASON");
  ASSERT_EQ(peer_->Frames(kHeadersFrame, 1).size(), 1);
  EXPECT_EQ(peer_->Frames(kHeadersFrame, 1)[0].flags, kEndHeaders | kEndStream);
}

TEST_F(GrpcWire, RefusesWhatIsNotGrpcByItsHttpStatus) {
  Exchange(Preface() +
           RequestFrame(1, "/test.T/Unary", {{"content-type", "text/html"}},
                        kEndStream) +
           RequestFrame(3, "/test.T/Unary", {{":method", "GET"}}, kEndStream));

  EXPECT_EQ(peer_->Header(1, ":status"), "415");
  EXPECT_EQ(peer_->Header(3, ":status"), "405");
}

TEST_F(GrpcWire, RefusesACompressedMessage) {
  Exchange(Preface() + RequestFrame(1, "/test.T/Echo") +
           DataFrame(1, std::string("\1\0\0\0\1x", 6)));

  EXPECT_EQ(Outcome(1), "200/12");
  EXPECT_EQ(peer_->Header(1, "grpc-accept-encoding"), "identity");
  EXPECT_EQ(rpc_.log.gone, 1);
}

TEST_F(GrpcWire, RefusesAMessageThatIsCutShort) {
  Exchange(Preface() + RequestFrame(1, "/test.T/Echo") +
           DataFrame(1, Framed("message").substr(0, 8), kEndStream));

  EXPECT_EQ(Outcome(1), "200/13");
  EXPECT_EQ(rpc_.log.half_closed, 0);
}

TEST_F(GrpcWire, RefusesATimeoutThatIsNone) {
  Exchange(Preface() +
           RequestFrame(1, "/test.T/Hang", {{"grpc-timeout", "soon"}}));

  EXPECT_EQ(Outcome(1), "200/3");
  EXPECT_EQ(rpc_.log.made, 0);
}

TEST_F(GrpcWire, EndsACallWhoseDeadlinePassed) {
  Exchange(Preface() +
           RequestFrame(1, "/test.T/Hang", {{"grpc-timeout", "1m"}}));

  ASSERT_TRUE(rpc_.RunUntil([&] { return rpc_.log.destroyed > 0; }));
  Exchange("");

  EXPECT_EQ(Outcome(1), "200/4");
  EXPECT_EQ(peer_->Frames(kRstStreamFrame, 1).size(), 1);
  EXPECT_EQ(rpc_.log.gone, 1);
}

TEST_F(GrpcWire, ResetsACallWhoseDeadlinePassedBehindMessages) {
  // More than the windows take, so that trailers could not be sent.
  Exchange(Preface() +
           RequestFrame(1, "/test.T/Hang", {{"grpc-timeout", "200m"}}));
  ASSERT_EQ(rpc_.log.hanging.size(), 1);
  rpc_.log.hanging.front()->Send(std::string(100'000, 'x'));

  ASSERT_TRUE(rpc_.RunUntil([&] { return rpc_.log.destroyed > 0; }));
  Exchange("");

  ASSERT_EQ(peer_->Frames(kRstStreamFrame, 1).size(), 1);
  EXPECT_EQ(peer_->Frames(kRstStreamFrame, 1)[0].payload, BigEndian(8, 4));
  EXPECT_EQ(rpc_.log.gone, 1);
}

TEST_F(GrpcWire, TellsAClientThatItNeedNotSendTheRest) {
  Exchange(Preface() + RequestFrame(1, "/test.T/Count") +
           DataFrame(1, Framed("1 5")));

  EXPECT_EQ(Outcome(1), "200/0");
  ASSERT_EQ(peer_->Frames(kRstStreamFrame, 1).size(), 1);
  EXPECT_EQ(peer_->Frames(kRstStreamFrame, 1)[0].payload, BigEndian(0, 4));
}

TEST_F(GrpcWire, TakesARequestByteByByte) {
  const std::string bytes = Preface() + RequestFrame(1, "/test.T/Unary") +
                            DataFrame(1, Framed("hello"), kEndStream);

  for (const char byte : bytes) Exchange(absl::string_view(&byte, 1));

  EXPECT_EQ(Outcome(1), "200/0");
}

TEST_F(GrpcWire, AnswersAPing) {
  Exchange(Preface() + Encode({.type = kPingFrame, .payload = "12345678"}));

  ASSERT_EQ(peer_->Frames(kPingFrame, 0).size(), 1);
  EXPECT_EQ(peer_->Frames(kPingFrame, 0)[0].flags, kAck);
  EXPECT_EQ(peer_->Frames(kPingFrame, 0)[0].payload, "12345678");
}

TEST_F(GrpcWire, AsksItsPeersForNoHeaderCompressionState) {
  Exchange(Preface());

  const std::vector<RawFrame> settings = peer_->Frames(kSettingsFrame, 0);
  ASSERT_FALSE(settings.empty());
  EXPECT_NE(settings[0].payload.find(BigEndian(1, 2) + BigEndian(0, 4)),
            std::string::npos);
}

TEST_F(GrpcWire, ResetsAStreamWithTooManyHeadersAndServesTheNext) {
  HeaderList many;
  for (int i = 0; i < 250; ++i) {
    many.emplace_back(absl::StrCat("x-", i), std::string(40, 'x'));
  }

  Exchange(Preface() + RequestFrame(1, "/test.T/Echo", many) +
           RequestFrame(3, "/test.T/Unary") +
           DataFrame(3, Framed("x"), kEndStream));

  EXPECT_EQ(peer_->Frames(kRstStreamFrame, 1).size(), 1);
  EXPECT_EQ(Outcome(3), "200/0");
  EXPECT_EQ(rpc_.log.made, 0);
}

TEST_F(GrpcWire, DrainTellsWhichCallsAreServed) {
  Exchange(Preface() + RequestFrame(1, "/test.T/Hang") +
           RequestFrame(3, "/test.T/Hang"));

  rpc_.server->Drain([] {});
  Exchange(RequestFrame(5, "/test.T/Hang"));

  ASSERT_EQ(peer_->Frames(kGoAwayFrame, 0).size(), 1);
  EXPECT_EQ(peer_->Frames(kGoAwayFrame, 0)[0].payload.substr(0, 8),
            BigEndian(3, 4) + BigEndian(0, 4));
  EXPECT_EQ(rpc_.log.made, 2);
}

TEST_F(GrpcWire, RefusesStreamsBeyondTheLimit) {
  std::string bytes =
      Preface() + Encode({.type = kSettingsFrame, .flags = kAck});
  for (int i = 0; i < 101; ++i)
    bytes += RequestFrame(2 * i + 1, "/test.T/Hang");

  Exchange(bytes);

  EXPECT_EQ(rpc_.log.made, 100);
  EXPECT_TRUE(peer_->closed());
  EXPECT_EQ(rpc_.log.gone, 100);
  ExpectOthersAreServed();
}

TEST_F(GrpcWire, GivesNoWindowToAClientThatTakesNoAnswers) {
  // SETTINGS_INITIAL_WINDOW_SIZE 0: not a byte of answers can be sent.
  Exchange(std::string(kClientMagic) +
           Encode({.type = kSettingsFrame,
                   .payload = BigEndian(4, 2) + BigEndian(0, 4)}) +
           RequestFrame(1, "/test.T/Echo"));
  const auto window = [&] {
    size_t bytes = 65535;  // HTTP/2's own: no SETTINGS are acknowledged

    for (const RawFrame& frame : peer_->Frames(kWindowUpdateFrame, 1)) {
      bytes += FromBigEndian(frame.payload);
    }
    return bytes;
  };
  const std::string data = DataFrame(1, Framed(std::string(16'000, 'x')));

  size_t sent = 0;
  while (sent + data.size() <= window() && sent < (8 << 20)) {
    Exchange(data);
    sent += data.size();
  }

  EXPECT_GT(sent, 1 << 20);
  EXPECT_LT(sent, 2 << 20);

  // It goes on once the client takes them.
  const std::string more = BigEndian(100 << 20, 4);
  const size_t before = window();
  Exchange(Encode({.type = kWindowUpdateFrame, .stream = 1, .payload = more}) +
           Encode({.type = kWindowUpdateFrame, .payload = more}));
  for (int i = 0; i < 100; ++i) Exchange("");
  EXPECT_GT(window(), before);
}

// Each ends in a connection that is closed, soon, and others that are served.
TEST_F(GrpcWire, ClosesAConnectionThatFloodsWithSettings) {
  std::string flood = Preface();
  for (int i = 0; i < 3000; ++i) flood += Encode({.type = kSettingsFrame});

  for (int i = 0; i < 200 && !peer_->closed(); ++i) {
    peer_->Write(flood);  // and reads nothing
    RunUntilQuiet(*rpc_.loop);
    flood = flood.substr(Preface().size());
    if (!rpc_.closed.empty()) peer_->Read();
  }

  EXPECT_TRUE(peer_->closed());
  ExpectOthersAreServed();
}

TEST_F(GrpcWire, SurvivesAFloodOfResets) {
  Exchange(Preface());
  for (int i = 0; i < 5000 && !peer_->closed(); ++i) {
    const int32_t stream = 2 * i + 1;
    Exchange(RequestFrame(stream, "/test.T/Hang") +
             Encode({.type = kRstStreamFrame,
                     .stream = stream,
                     .payload = BigEndian(8, 4)}));
  }

  EXPECT_TRUE(rpc_.log.hanging.empty());
  EXPECT_EQ(rpc_.log.made, rpc_.log.destroyed);
  ExpectOthersAreServed();
}

}  // namespace
}  // namespace holdfast::rpc
