// What the server answers to each frame.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "shim/rpc/ttrpc_messages.h"
#include "tests/fakes/fake_clock.h"
#include "tests/shim/rpc/rpc_pair.h"
#include "tests/shim/rpc/ttrpc_peer.h"

namespace holdfast::rpc {
namespace {

using absl::StatusCode;

// The code of the one answer on `stream`, which must have just one.
StatusCode OnlyCode(const TtrpcPeer& peer, uint32_t stream) {
  const auto answers = peer.Answers(stream);
  EXPECT_EQ(answers.size(), 1) << "on stream " << stream;
  return answers.empty() ? StatusCode::kAborted : answers[0].status().code();
}

std::string OnlyText(const TtrpcPeer& peer, uint32_t stream) {
  const auto answers = peer.Answers(stream);
  EXPECT_EQ(answers.size(), 1) << "on stream " << stream;
  return answers.empty() ? "" : std::string(answers[0].status().message());
}

std::string EchoFrame(uint32_t stream, absl::string_view payload) {
  return TtrpcFrame(TtrpcType::kRequest, stream,
                    EncodeTtrpcRequest(kTtrpcService, "Echo", payload,
                                       absl::InfiniteDuration(), {}));
}

// A request frame with `data` bytes of data in it.
std::string EchoFrameOf(uint32_t stream, size_t data) {
  std::string frame = EchoFrame(stream, std::string(data, 'x'));
  const size_t over = frame.size() - kTtrpcHeaderBytes - data;
  return EchoFrame(stream, std::string(data - over, 'x'));
}

TEST(TtrpcCall, IsAnsweredOnItsStream) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();

  peer.Request(1, "Echo", "one");
  peer.Request(3, "Fail", "two");

  ASSERT_TRUE(serving.AwaitFrames(peer, 2));
  EXPECT_EQ(*peer.Answers(1)[0], "one");
  EXPECT_EQ(peer.Answers(3)[0].status(), absl::NotFoundError("two"));
  EXPECT_EQ(serving.requests, 2);
}

TEST(TtrpcCall, IsUnimplementedWithoutSuchAServiceOrMethod) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();

  peer.Write(TtrpcFrame(TtrpcType::kRequest, 1,
                        EncodeTtrpcRequest("test.Other", "Echo", "",
                                           absl::InfiniteDuration(), {})));
  peer.Request(3, "Bogus");

  ASSERT_TRUE(serving.AwaitFrames(peer, 2));
  EXPECT_EQ(peer.Answers(1)[0].status(),
            absl::UnimplementedError("service test.Other"));
  EXPECT_EQ(peer.Answers(3)[0].status(),
            absl::UnimplementedError("method Bogus"));
  EXPECT_EQ(serving.requests, 0);
}

TEST(TtrpcCall, IsAnsweredHoweverItsBytesComeIn) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();
  uint32_t stream = 1;
  const size_t bytes = EchoFrame(1, "hello").size();

  for (size_t cut = 1; cut < bytes; ++cut, stream += 2) {
    const std::string frame = EchoFrame(stream, "hello");
    peer.Write(frame.substr(0, cut));
    RunUntilQuiet(*serving.loop);
    peer.Read();
    ASSERT_TRUE(peer.Answers(stream).empty());

    peer.Write(frame.substr(cut));

    ASSERT_TRUE(serving.AwaitFrames(peer, cut));
    EXPECT_EQ(*peer.Answers(stream)[0], "hello") << "cut at " << cut;
  }
}

TEST(TtrpcCall, OnAnEvenStreamIsInvalid) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();

  peer.Request(2, "Echo");
  peer.Request(0, "Echo");

  ASSERT_TRUE(serving.AwaitFrames(peer, 2));
  EXPECT_EQ(OnlyCode(peer, 2), StatusCode::kInvalidArgument);
  EXPECT_EQ(OnlyCode(peer, 0), StatusCode::kInvalidArgument);
  EXPECT_TRUE(serving.IsServed(peer, 1));
}

TEST(TtrpcCall, OnAStreamThatIsNotAboveTheLastIsInvalid) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();

  peer.Request(5, "Echo", "first");
  peer.Request(5, "Echo", "again");
  peer.Request(3, "Echo", "lower");

  ASSERT_TRUE(serving.AwaitFrames(peer, 3));
  const auto answers = peer.Answers(5);
  ASSERT_EQ(answers.size(), 2);
  EXPECT_EQ(*answers[0], "first");
  EXPECT_EQ(answers[1].status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(OnlyCode(peer, 3), StatusCode::kInvalidArgument);
  EXPECT_TRUE(serving.IsServed(peer, 7));
}

TEST(TtrpcCall, StaysOpenWhenItsStreamIsUsedAgain) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();
  peer.Request(1, "Hold");
  peer.Request(1, "Hold");
  ASSERT_TRUE(serving.AwaitFrames(peer, 1));
  ASSERT_EQ(serving.held.size(), 1);

  serving.held[0].reply("answer");

  ASSERT_TRUE(serving.AwaitFrames(peer, 2));
  EXPECT_EQ(peer.Answers(1)[0].status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(*peer.Answers(1)[1], "answer");
}

TEST(TtrpcCall, MayHaveARequestOfNothing) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();

  peer.Write(TtrpcFrame(TtrpcType::kRequest, 1, ""));

  ASSERT_TRUE(serving.AwaitFrames(peer, 1));
  EXPECT_EQ(peer.Answers(1)[0].status(), absl::UnimplementedError("service "));
}

TEST(TtrpcCall, WithARequestThatCannotBeReadIsInvalid) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();

  peer.Write(TtrpcFrame(TtrpcType::kRequest, 1, "\xff\xff\xff"));

  ASSERT_TRUE(serving.AwaitFrames(peer, 1));
  EXPECT_EQ(OnlyCode(peer, 1), StatusCode::kInvalidArgument);
  EXPECT_TRUE(serving.IsServed(peer, 3));
}

TEST(TtrpcCall, IgnoresFramesOfOtherTypesWhateverTheyHave) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();

  for (const int type : {0, 2, 4, 9, 255}) {
    peer.Write(TtrpcFrame(static_cast<TtrpcType>(type), 1, "x"));
    peer.Write(TtrpcFrame(static_cast<TtrpcType>(type), 2, ""));
  }

  EXPECT_TRUE(serving.IsServed(peer, 1));
  EXPECT_EQ(peer.frames().size(), 1);
}

TEST(TtrpcCall, TakesNoDataOnAStreamOpenOrNot) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();
  peer.Request(1, "Echo");
  peer.Request(3, "Hold");

  peer.Write(TtrpcFrame(TtrpcType::kData, 1, "closed"));
  peer.Write(TtrpcFrame(TtrpcType::kData, 3, "open", /*flags=*/1));
  peer.Write(TtrpcFrame(TtrpcType::kData, 5, "never", /*flags=*/4));

  ASSERT_TRUE(serving.AwaitFrames(peer, 4));
  EXPECT_EQ(peer.Answers(1)[1].status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(OnlyCode(peer, 3), StatusCode::kInvalidArgument);
  EXPECT_EQ(OnlyCode(peer, 5), StatusCode::kInvalidArgument);
  serving.held[0].reply("still");
  ASSERT_TRUE(serving.AwaitFrames(peer, 5));
  EXPECT_EQ(*peer.Answers(3)[1], "still");
}

TEST(TtrpcCall, TakesAFrameOfFourMebibytesAndAnswersWithOne) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();
  const std::string frame = EchoFrameOf(1, kTtrpcMaxData);
  ASSERT_EQ(frame.size(), kTtrpcHeaderBytes + kTtrpcMaxData);

  peer.Write(frame);

  ASSERT_TRUE(serving.AwaitFrames(peer, 1));
  EXPECT_GT(peer.Answers(1)[0]->size(), kTtrpcMaxData - 100);
}

TEST(TtrpcCall, IsRefusedWhenItsFrameIsOneByteLonger) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();

  peer.Write(EchoFrameOf(1, kTtrpcMaxData + 1));

  ASSERT_TRUE(serving.AwaitFrames(peer, 1));
  EXPECT_EQ(OnlyCode(peer, 1), StatusCode::kResourceExhausted);
  EXPECT_TRUE(serving.IsServed(peer, 3));
}

TEST(TtrpcCall, IsResourceExhaustedWhenItsResponseIsTooLong) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();
  peer.Request(1, "Hold");
  peer.Request(3, "Hold");
  RunUntilQuiet(*serving.loop);
  ASSERT_EQ(serving.held.size(), 2);

  // Five bytes of the response are not its payload.
  serving.held[0].reply(std::string(kTtrpcMaxData - 5, 'x'));
  serving.held[1].reply(std::string(kTtrpcMaxData - 4, 'x'));

  ASSERT_TRUE(serving.AwaitFrames(peer, 2));
  EXPECT_EQ(peer.frames()[0].header.length, kTtrpcMaxData);
  EXPECT_EQ(OnlyCode(peer, 3), StatusCode::kResourceExhausted);
  EXPECT_TRUE(serving.IsServed(peer, 5));
}

TEST(TtrpcCall, HasAnErrorThatItsCallerCanRead) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();
  peer.Request(1, "Hold");
  peer.Request(3, "Hold");
  RunUntilQuiet(*serving.loop);
  ASSERT_EQ(serving.held.size(), 2);

  serving.held[0].reply(absl::UnknownError("exec: \xff\xfe: no"));
  serving.held[1].reply(absl::UnknownError(std::string(5'000'000, 'x')));

  ASSERT_TRUE(serving.AwaitFrames(peer, 2));
  EXPECT_EQ(OnlyText(peer, 1), "exec: ??: no");
  EXPECT_EQ(OnlyText(peer, 3), std::string(32 * 1024, 'x'));
}

TEST(TtrpcCall, IsAnsweredInAnyOrderAmongAThousand) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();
  constexpr uint32_t kCalls = 1000;
  for (uint32_t i = 0; i < kCalls; ++i) {
    peer.Request(2 * i + 1, "Hold", absl::StrCat("call ", i));
  }
  ASSERT_TRUE(RunUntil(*serving.loop, [&] {
    peer.Read();
    return serving.held.size() == kCalls;
  }));

  for (uint32_t i = kCalls; i-- > 0;) {
    serving.held[i].reply("answer to " + serving.held[i].request);
  }

  ASSERT_TRUE(serving.AwaitFrames(peer, kCalls));
  for (uint32_t i = 0; i < kCalls; ++i) {
    const uint32_t stream = 2 * i + 1;
    EXPECT_EQ(peer.frames()[kCalls - 1 - i].header.stream, stream);
    EXPECT_EQ(*peer.Answers(stream)[0], absl::StrCat("answer to call ", i));
  }
}

TEST(TtrpcCall, IsAnsweredOnceHoweverOftenItsHandlerDoes) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();
  peer.Request(1, "Hold");
  RunUntilQuiet(*serving.loop);
  ASSERT_EQ(serving.held.size(), 1);

  serving.held[0].reply("first");
  serving.held[0].reply("second");

  EXPECT_TRUE(serving.IsServed(peer, 3));
  ASSERT_EQ(peer.Answers(1).size(), 1);
  EXPECT_EQ(*peer.Answers(1)[0], "first");
}

TEST(TtrpcCall, IsRefusedBeyondTheLimitOfOpenOnes) {
  TtrpcServing serving({.max_calls = 2});
  TtrpcPeer peer = serving.Connect();
  peer.Request(1, "Hold");
  peer.Request(3, "Hold");

  peer.Request(5, "Hold");

  ASSERT_TRUE(serving.AwaitFrames(peer, 1));
  EXPECT_EQ(OnlyCode(peer, 5), StatusCode::kResourceExhausted);
  serving.held[0].reply("done");
  EXPECT_TRUE(serving.IsServed(peer, 7));
}

TEST(TtrpcCall, IsAnsweredAtItsDeadlineAndNotAgain) {
  FakeClock clock;
  TtrpcServing serving({}, clock);
  TtrpcPeer peer = serving.Connect();
  peer.Request(1, "Hold", "", absl::Seconds(5));
  peer.Request(3, "Hold");
  RunUntilQuiet(*serving.loop);
  ASSERT_EQ(serving.held.size(), 2);
  clock.Advance(absl::Seconds(5) - absl::Nanoseconds(1));
  RunUntilQuiet(*serving.loop);
  peer.Read();
  ASSERT_TRUE(peer.frames().empty());

  clock.Advance(absl::Nanoseconds(1));

  ASSERT_TRUE(serving.AwaitFrames(peer, 1));
  EXPECT_EQ(OnlyCode(peer, 1), StatusCode::kDeadlineExceeded);
  serving.held[0].reply("late");
  serving.held[1].reply("never late");
  ASSERT_TRUE(serving.AwaitFrames(peer, 2));
  EXPECT_EQ(OnlyCode(peer, 1), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(*peer.Answers(3)[0], "never late");
}

TEST(TtrpcCall, IsNotDisturbedByItsDeadlineOnceAnswered) {
  FakeClock clock;
  TtrpcServing serving({}, clock);
  TtrpcPeer peer = serving.Connect();
  peer.Request(1, "Echo", "in time", absl::Seconds(5));
  ASSERT_TRUE(serving.AwaitFrames(peer, 1));

  clock.Advance(absl::Hours(1));

  EXPECT_TRUE(serving.IsServed(peer, 3));
  ASSERT_EQ(peer.Answers(1).size(), 1);
  EXPECT_EQ(*peer.Answers(1)[0], "in time");
}

TEST(TtrpcCall, IsNotHandledWhenItsDeadlineHasPassedAlready) {
  TtrpcServing serving;
  TtrpcPeer peer = serving.Connect();

  std::string request = EncodeTtrpcRequest(kTtrpcService, "Echo", "",
                                           absl::InfiniteDuration(), {});
  // timeout_nano -1
  request += "\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
  peer.Write(TtrpcFrame(TtrpcType::kRequest, 1, request));

  ASSERT_TRUE(serving.AwaitFrames(peer, 1));
  EXPECT_EQ(OnlyCode(peer, 1), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(serving.requests, 0);
}

}  // namespace
}  // namespace holdfast::rpc
