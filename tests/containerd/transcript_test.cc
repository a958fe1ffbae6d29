#include "tests/containerd/transcript.h"

#include "gtest/gtest.h"

namespace holdfast::containerd {
namespace {

Transcript Saying(const std::string& outcome) {
  Transcript transcript;
  transcript.Add("Pause c1", outcome, "text");
  return transcript;
}

TEST(Transcript, OneThatSaysTheSameDoesNotDiffer) {
  EXPECT_EQ(Differences(Saying("OK"), Saying("OK"), {}), "");
}

TEST(Transcript, ADifferenceThatIsNotListedIsTold) {
  EXPECT_EQ(Differences(Saying("OK"), Saying("UNKNOWN"), {}),
            "Pause c1: stock OK, ours UNKNOWN\n");
}

TEST(Transcript, AListedDifferenceIsMeant) {
  const std::vector<Intended> listed = {{"Pause c1", "OK", "UNKNOWN", "why"}};

  EXPECT_EQ(Differences(Saying("OK"), Saying("UNKNOWN"), listed), "");
}

TEST(Transcript, AListedDifferenceThatIsNoneIsTold) {
  const std::vector<Intended> listed = {{"Pause c1", "OK", "UNKNOWN", "why"},
                                        {"Resume c1", "OK", "UNKNOWN", "why"}};

  EXPECT_EQ(Differences(Saying("OK"), Saying("OK"), listed),
            "Pause c1: meant are stock OK, ours UNKNOWN; but stock OK, ours "
            "OK\nResume c1: meant are stock OK, ours UNKNOWN; but stock (not "
            "there), ours (not there)\n");
}

TEST(Transcript, ACallThatOneLacksIsADifference) {
  EXPECT_EQ(Differences(Saying("OK"), Transcript(), {}),
            "Pause c1: stock OK, ours (not there)\n");
}

TEST(Transcript, WhatIsKeptAsGoldenReadsBack) {
  Transcript said = Saying("OK");
  said.Add("Pause c1", "UNKNOWN", "cannot pause");

  const Transcript read = Transcript::Parse("# of 1.6\n" + said.Golden());

  EXPECT_EQ(Differences(said, read, {}), "");
  EXPECT_EQ(read.Golden(), "Pause c1 -> OK\nPause c1 (2) -> UNKNOWN\n");
}

}  // namespace
}  // namespace holdfast::containerd
