// What a damaged journal is taken for: an error or less than was there, never
// something else.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "shim/records/damage_offset.h"
#include "shim/records/journal.h"
#include "tests/fakes/fake_disk.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;

constexpr size_t kHeaderBytes = 4;

// A small journal, and where each of its appends ends.
struct Sample {
  std::string content;
  std::vector<size_t> ends;                     // the header's first
  std::vector<std::vector<std::string>> after;  // payloads up to that end
};

Sample MakeSample() {
  FakeDisk disk;
  Journal journal = *Journal::Put(disk, "/j", {});
  Sample sample{.content = "", .ends = {kHeaderBytes}, .after = {{}}};
  const std::vector<std::vector<std::string>> appends = {
      {"intent of the executor"},
      {"s"},
      {"exited", "update"},
      {std::string("\0\1\0\0", 4)},
      {"acknowledged"}};
  for (const std::vector<std::string>& payloads : appends) {
    EXPECT_TRUE(journal.Append(payloads).ok());
    sample.ends.push_back(journal.used_bytes());
    sample.after.push_back(sample.after.back());
    for (const std::string& p : payloads) sample.after.back().push_back(p);
  }
  sample.content = disk.Content("/j").substr(0, journal.used_bytes() + 40);
  return sample;
}

bool IsPrefix(const std::vector<std::string>& front,
              const std::vector<std::string>& whole) {
  return front.size() <= whole.size() &&
         std::equal(front.begin(), front.end(), whole.begin());
}

TEST(JournalDamage, NoticesAFileThatWasCutOffAtAnyLength) {
  const Sample sample = MakeSample();
  for (size_t size = 0; size <= sample.content.size(); ++size) {
    const auto parsed =
        Journal::Parse(absl::string_view(sample.content).substr(0, size));

    if (size <= sample.ends.back()) {
      EXPECT_TRUE(absl::IsDataLoss(parsed.status())) << size;
      continue;
    }
    // Only zeros are gone, and none of what was promised.
    ASSERT_TRUE(parsed.ok()) << size << parsed.status();
    EXPECT_EQ(parsed->payloads, sample.after.back()) << size;
    EXPECT_FALSE(parsed->torn) << size;
  }
}

// What a journal with a flipped bit in byte `at` has to be taken for.
void ExpectNoticed(const Sample& sample, size_t at,
                   const absl::StatusOr<Journal::Parsed>& parsed) {
  if (at < kHeaderBytes) {
    EXPECT_FALSE(parsed.ok());
    return;
  }
  // In what was never promised it may pass for an append that was broken off.
  if (at >= sample.ends.back() && parsed.ok()) {
    EXPECT_TRUE(parsed->torn);
    EXPECT_EQ(parsed->payloads, sample.after.back());
    return;
  }
  const size_t frame =
      std::upper_bound(sample.ends.begin(), sample.ends.end(), at) -
      sample.ends.begin() - 1;
  EXPECT_TRUE(absl::IsDataLoss(parsed.status())) << parsed.status();
  EXPECT_THAT(
      parsed.status().message(),
      HasSubstr(absl::StrCat("bad frame at offset ", sample.ends[frame])));
  EXPECT_EQ(OffsetOf(parsed.status()), sample.ends[frame]);
}

TEST(JournalDamage, NoticesEverySingleFlippedBit) {
  const Sample sample = MakeSample();
  for (size_t bit = 0; bit < sample.content.size() * 8; ++bit) {
    SCOPED_TRACE(absl::StrCat("byte ", bit / 8, " bit ", bit % 8));
    std::string damaged = sample.content;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));

    const auto parsed = Journal::Parse(damaged);

    ExpectNoticed(sample, bit / 8, parsed);
  }
}

TEST(JournalDamage, NeverInventsWhateverIsWrittenOver) {
  const Sample sample = MakeSample();
  std::mt19937 random(20261123);
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = sample.content;
    const size_t from = random() % damaged.size();
    const size_t size = random() % (damaged.size() - from);
    for (size_t i = 0; i <= size; ++i) {
      damaged[from + i] = static_cast<char>(random() % 3 == 0 ? 0 : random());
    }

    const auto parsed = Journal::Parse(damaged);

    if (!parsed.ok()) continue;
    EXPECT_TRUE(IsPrefix(parsed->payloads, sample.after.back())) << round;
  }
}

TEST(JournalDamage, FindsTheGoodFrameBehindADamagedLength) {
  const Sample sample = MakeSample();
  std::string damaged = sample.content;
  damaged[sample.ends[1]] = '\xf0';  // a length that reaches past the next

  const auto parsed = Journal::Parse(damaged);

  EXPECT_THAT(parsed.status().message(),
              HasSubstr(absl::StrCat("a good one at offset ", sample.ends[2])));
}

TEST(JournalDamage, LeavesADamagedFileAsItWas) {
  const Sample sample = MakeSample();
  std::string damaged = sample.content;
  damaged[sample.ends[0] + 9] ^= 1;
  FakeDisk disk;
  disk.SetContent("/j", damaged);

  const auto opened = Journal::Open(*disk.Open("/j", Files::Mode::kReadWrite));

  EXPECT_TRUE(absl::IsDataLoss(opened.status())) << opened.status();
  EXPECT_EQ(disk.Content("/j"), damaged);
}

}  // namespace
}  // namespace holdfast
