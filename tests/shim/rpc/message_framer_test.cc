#include "shim/rpc/message_framer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast::rpc {
namespace {

using Messages = std::vector<std::string>;

std::string Framed(absl::string_view message) {
  return MessagePrefix(message.size()) + std::string(message);
}

// Gives `bytes` in pieces of `piece` bytes and gathers what comes out.
absl::StatusOr<Messages> FeedInPieces(MessageFramer& framer,
                                      absl::string_view bytes, size_t piece) {
  Messages messages;
  while (!bytes.empty()) {
    absl::string_view input = bytes.substr(0, piece);
    bytes.remove_prefix(input.size());
    for (;;) {
      absl::string_view message;
      const absl::StatusOr<bool> whole = framer.Next(input, message);
      if (!whole.ok()) return whole.status();
      if (!*whole) break;
      messages.emplace_back(message);
    }
  }
  return messages;
}

TEST(MessageFramer, WritesTheLengthBigEndian) {
  EXPECT_EQ(MessagePrefix(0x01020304), std::string("\0\1\2\3\4", 5));
}

TEST(MessageFramer, FindsTheSameMessagesInPiecesOfAnySize) {
  const Messages sent = {"", "a", "", std::string(1000, 'x'), "end"};
  std::string bytes;
  for (const std::string& message : sent) bytes += Framed(message);

  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    MessageFramer framer(/*max_message_bytes=*/1000);

    const absl::StatusOr<Messages> got = FeedInPieces(framer, bytes, piece);

    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(*got, sent) << "in pieces of " << piece;
    EXPECT_FALSE(framer.mid_message());
  }
}

TEST(MessageFramer, KnowsThatAMessageIsCutShort) {
  const std::string bytes = Framed("message");

  for (size_t size = 1; size < bytes.size(); ++size) {
    MessageFramer framer(/*max_message_bytes=*/1000);

    const auto got = FeedInPieces(framer, bytes.substr(0, size), size);

    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_TRUE(got->empty());
    EXPECT_TRUE(framer.mid_message()) << size << " bytes";
  }
}

TEST(MessageFramer, RefusesAMessageBeyondTheLimitByItsLengthAlone) {
  for (const size_t piece : {1, 5, 100}) {
    MessageFramer framer(/*max_message_bytes=*/10);

    const auto got = FeedInPieces(framer, MessagePrefix(11), piece);

    EXPECT_EQ(got.status().code(), absl::StatusCode::kResourceExhausted);
  }
}

TEST(MessageFramer, TakesAMessageOfExactlyTheLimit) {
  MessageFramer framer(/*max_message_bytes=*/10);

  const auto got = FeedInPieces(framer, Framed("0123456789"), 4);

  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(*got, Messages{"0123456789"});
}

TEST(MessageFramer, RefusesACompressedMessage) {
  std::string bytes = Framed("message");
  bytes[0] = 1;
  MessageFramer framer(/*max_message_bytes=*/1000);

  const auto got = FeedInPieces(framer, bytes, 3);

  EXPECT_EQ(got.status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace holdfast::rpc
