#include "shim/records/torn_tail.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "shim/records/journal.h"
#include "tests/fakes/fake_disk.h"

namespace holdfast {
namespace {

constexpr size_t kSectorBytes = 512;

// A journal whose last append goes over several sectors.
struct Sample {
  std::string content;
  size_t last = 0;  // where its last frame begins
  size_t end = 0;
};

Sample MakeSample() {
  FakeDisk disk;
  Journal journal = *Journal::Put(disk, "/j", {"first"});
  Sample sample;
  sample.last = journal.used_bytes();
  EXPECT_TRUE(journal.Append({std::string(2000, 'x')}).ok());
  sample.end = journal.used_bytes();
  sample.content = disk.Content("/j");
  return sample;
}

// Takes away what a sector holds of the last append.
void Lose(Sample& sample, size_t sector) {
  for (size_t at = std::max(sample.last, sector * kSectorBytes);
       at < std::min(sample.end, (sector + 1) * kSectorBytes); ++at) {
    sample.content[at] = '\0';
  }
}

TEST(TornTail, MayBeWhateverLacksAtLeastOneSector) {
  const Sample whole = MakeSample();
  const size_t sectors = whole.end / kSectorBytes + 1;
  ASSERT_EQ(sectors, 4u);
  for (size_t lost = 1; lost < size_t{1} << sectors; ++lost) {
    Sample sample = whole;
    for (size_t sector = 0; sector < sectors; ++sector) {
      if (lost & (size_t{1} << sector)) Lose(sample, sector);
    }

    const auto parsed = Journal::Parse(sample.content);

    ASSERT_TRUE(parsed.ok()) << lost << ": " << parsed.status();
    EXPECT_EQ(parsed->payloads.size(), 1u) << lost;
  }
}

// A writer that was killed, or a look at one that is kept from going on.
TEST(TornTail, MayBeAFrontOfAFrame) {
  const Sample whole = MakeSample();
  for (size_t cut = whole.last; cut + 4 <= whole.end; ++cut) {
    std::string content = whole.content;
    std::fill(content.begin() + cut, content.begin() + whole.end, '\0');

    const auto parsed = Journal::Parse(content);

    ASSERT_TRUE(parsed.ok()) << cut << ": " << parsed.status();
    EXPECT_EQ(parsed->payloads.size(), 1u) << cut;
  }
}

TEST(TornTail, IsNotAFrameThatWasWholeOnce) {
  const Sample whole = MakeSample();
  for (size_t bit = whole.last * 8; bit < whole.end * 8; ++bit) {
    std::string flipped = whole.content;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));

    EXPECT_FALSE(MayBeTorn(flipped, whole.last)) << bit / 8;
  }
}

TEST(TornTail, DoesNotReachPastTheFilesEnd) {
  const Sample whole = MakeSample();

  const absl::string_view cut =
      absl::string_view(whole.content).substr(0, whole.end - 1);

  EXPECT_FALSE(MayBeTorn(cut, whole.last)) << "the file was long enough";
}

}  // namespace
}  // namespace holdfast
