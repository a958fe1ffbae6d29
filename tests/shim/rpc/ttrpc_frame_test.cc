#include "shim/rpc/ttrpc_frame.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast::rpc {
namespace {

using Frames = std::vector<TtrpcFramer::Frame>;

// What has come out of `framer` by now.
Frames Take(TtrpcFramer& framer) {
  Frames frames;
  while (auto frame = framer.Next()) frames.push_back(*std::move(frame));
  return frames;
}

TEST(TtrpcFrame, IsTenBytesOfHeaderBigEndianAndData) {
  EXPECT_EQ(TtrpcFrame(TtrpcType::kRequest, 0x01020304, "data", 5),
            std::string("\0\0\0\4\1\2\3\4\1\5data", 14));
}

TEST(TtrpcFrame, MayBeEmpty) {
  EXPECT_EQ(TtrpcFrame(TtrpcType::kResponse, 3, ""),
            std::string("\0\0\0\0\0\0\0\3\2\0", 10));
}

TEST(TtrpcFramer, FindsTheSameFramesInPiecesOfAnySize) {
  const std::string bytes =
      TtrpcFrame(TtrpcType::kRequest, 1, "") +
      TtrpcFrame(TtrpcType::kData, 3, "x", 4) +
      TtrpcFrame(TtrpcType::kRequest, 5, std::string(200, 'y'));
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    TtrpcFramer framer;
    Frames frames;

    for (size_t at = 0; at < bytes.size(); at += piece) {
      framer.Add(absl::string_view(bytes).substr(at, piece));
      for (auto& frame : Take(framer)) frames.push_back(std::move(frame));
    }

    ASSERT_EQ(frames.size(), 3) << "in pieces of " << piece;
    EXPECT_EQ(frames[0].header.stream, 1);
    EXPECT_EQ(frames[0].data, "");
    EXPECT_EQ(frames[1].header.stream, 3);
    EXPECT_EQ(frames[1].header.type, 3);
    EXPECT_EQ(frames[1].header.flags, 4);
    EXPECT_EQ(frames[1].data, "x");
    EXPECT_EQ(frames[2].data, std::string(200, 'y'));
  }
}

TEST(TtrpcFramer, WaitsForTheRestOfAFrameCutAnywhere) {
  const std::string bytes = TtrpcFrame(TtrpcType::kRequest, 1, "data");

  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    TtrpcFramer framer;
    framer.Add(absl::string_view(bytes).substr(0, cut));
    EXPECT_FALSE(framer.Next()) << cut << " bytes";

    framer.Add(absl::string_view(bytes).substr(cut));

    const Frames frames = Take(framer);
    ASSERT_EQ(frames.size(), 1) << "cut at " << cut;
    EXPECT_EQ(frames[0].data, "data");
  }
}

TEST(TtrpcFramer, TakesFourMebibytes) {
  const std::string data(kTtrpcMaxData, 'x');
  TtrpcFramer framer;

  framer.Add(TtrpcFrame(TtrpcType::kRequest, 1, data));

  const Frames frames = Take(framer);
  ASSERT_EQ(frames.size(), 1);
  EXPECT_FALSE(frames[0].too_long);
  EXPECT_TRUE(frames[0].data == data);
}

TEST(TtrpcFramer, SkipsOneByteMoreAndTellsWhenAllOfItHasPassed) {
  const std::string bytes =
      TtrpcFrame(TtrpcType::kRequest, 7, std::string(kTtrpcMaxData + 1, 'x'));
  for (const size_t piece :
       {size_t{9}, size_t{10}, size_t{11}, size_t{4096}, bytes.size() - 1}) {
    TtrpcFramer framer;
    framer.Add(absl::string_view(bytes).substr(0, piece));
    EXPECT_FALSE(framer.Next());
    framer.Add(
        absl::string_view(bytes).substr(piece, bytes.size() - piece - 1));
    EXPECT_FALSE(framer.Next());

    framer.Add("x" + TtrpcFrame(TtrpcType::kRequest, 9, "next"));

    const Frames frames = Take(framer);
    ASSERT_EQ(frames.size(), 2) << "first piece " << piece;
    EXPECT_TRUE(frames[0].too_long);
    EXPECT_EQ(frames[0].header.stream, 7);
    EXPECT_EQ(frames[0].header.length, kTtrpcMaxData + 1);
    EXPECT_EQ(frames[0].data, "");
    EXPECT_EQ(frames[1].data, "next");
  }
}

}  // namespace
}  // namespace holdfast::rpc
