// The bytes of every version that was ever released are read as they were
// meant, and today's are written the same.

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "absl/strings/str_split.h"
#include "base/files.h"
#include "shim/bundle/executor_facts.h"
#include "shim/records/journal.h"
#include "tests/fakes/fake_disk.h"
#include "tests/shim/bundle/records.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;

constexpr char kBytes[] = GOLDEN_DIRECTORY "/journal-v1.bin";
constexpr char kText[] = GOLDEN_DIRECTORY "/journal-v1.txt";

// One inner vector of payloads an append.
std::vector<std::vector<std::string>> ExpectedAppends() {
  std::vector<std::vector<std::string>> appends;
  const std::string text = *ReadSmallFile(kText);
  for (absl::string_view paragraph : absl::StrSplit(text, "\n\n")) {
    if (paragraph[0] == '#') continue;
    appends.emplace_back();
    for (absl::string_view line :
         absl::StrSplit(paragraph, '\n', absl::SkipEmpty())) {
      v1::JournalRecord record;
      EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
          std::string(line), &record))
          << line;
      appends.back().push_back(record.SerializeAsString());
    }
  }
  return appends;
}

TEST(JournalGolden, Version1IsReadAsItWasMeant) {
  const auto parsed = Journal::Parse(*ReadSmallFile(kBytes));

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  std::vector<std::string> expected;
  for (const std::vector<std::string>& append : ExpectedAppends()) {
    expected.insert(expected.end(), append.begin(), append.end());
  }
  EXPECT_EQ(parsed->payloads, expected);
  EXPECT_FALSE(parsed->torn);
}

TEST(JournalGolden, Version1IsWrittenTheSame) {
  const std::vector<std::vector<std::string>> appends = ExpectedAppends();
  FakeDisk disk;

  Journal journal = *Journal::Put(disk, "/j", appends[0]);
  for (size_t i = 1; i < appends.size(); ++i) {
    ASSERT_TRUE(journal.Append(appends[i]).ok());
  }

  EXPECT_TRUE(disk.Content("/j") == *ReadSmallFile(kBytes));
}

TEST(JournalGolden, Version1TellsItsExecutorsLife) {
  FakeDisk disk;
  disk.SetContent("/j", *ReadSmallFile(kBytes));

  const auto parsed = Journal::Parse(disk.Content("/j"));
  ExecutorFacts facts;
  for (const std::string& payload : parsed->payloads) {
    v1::JournalRecord record;
    ASSERT_TRUE(record.ParseFromString(payload));
    ASSERT_TRUE(facts.Apply(record).ok());
  }

  EXPECT_EQ(facts.FindTask("t-7")->state(), v1::TASK_KILLED);
  EXPECT_EQ(facts.exited->signal(), 15);
  EXPECT_THAT(UnacknowledgedUuids(facts),
              ElementsAre("22222222-2222-4222-8222-222222222222",
                          "33333333-3333-4333-8333-333333333333"));
}

}  // namespace
}  // namespace holdfast
