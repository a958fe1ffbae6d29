// The bytes of every version that was ever released are read as they were
// meant, and today's are written the same.

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/files.h"
#include "shim/bundle/executor_facts.h"
#include "shim/records/journal.h"
#include "tests/fakes/fake_disk.h"
#include "tests/shim/bundle/records.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;

std::string Golden(const std::string& name) {
  return *ReadSmallFile(std::string(GOLDEN_DIRECTORY "/") + name);
}

// One inner vector of payloads an append.
std::vector<std::vector<std::string>> ExpectedAppends(const std::string& name) {
  std::vector<std::vector<std::string>> appends;
  const std::string text = Golden(name + ".txt");
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

ExecutorFacts FactsOf(const std::string& name) {
  ExecutorFacts facts;
  const auto parsed = Journal::Parse(Golden(name + ".bin"));
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  for (const std::string& payload : parsed->payloads) {
    v1::JournalRecord record;
    EXPECT_TRUE(record.ParseFromString(payload));
    EXPECT_TRUE(facts.Apply(record).ok());
  }
  return facts;
}

class JournalGolden : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Files, JournalGolden,
                         testing::Values("journal-v1", "journal-v1-history"),
                         [](const auto& file) {
                           return absl::StrReplaceAll(file.param, {{"-", ""}});
                         });

TEST_P(JournalGolden, IsReadAsItWasMeant) {
  const auto parsed = Journal::Parse(Golden(GetParam() + ".bin"));

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  std::vector<std::string> expected;
  for (const auto& append : ExpectedAppends(GetParam())) {
    expected.insert(expected.end(), append.begin(), append.end());
  }
  EXPECT_EQ(parsed->payloads, expected);
  EXPECT_FALSE(parsed->torn);
}

TEST_P(JournalGolden, IsWrittenTheSame) {
  const auto appends = ExpectedAppends(GetParam());
  FakeDisk disk;

  Journal journal = *Journal::Put(disk, "/j", appends[0]);
  for (size_t i = 1; i < appends.size(); ++i) {
    ASSERT_TRUE(journal.Append(appends[i]).ok());
  }

  EXPECT_TRUE(disk.Content("/j") == Golden(GetParam() + ".bin"));
}

TEST(JournalGoldenFacts, Version1TellsItsExecutorsLife) {
  const ExecutorFacts facts = FactsOf("journal-v1");

  EXPECT_EQ(facts.FindTask("t-7")->state(), v1::TASK_KILLED);
  EXPECT_EQ(facts.exited->signal(), 15);
  EXPECT_THAT(UnacknowledgedUuids(facts),
              ElementsAre("22222222-2222-4222-8222-222222222222",
                          "33333333-3333-4333-8333-333333333333"));
}

TEST(JournalGoldenFacts, HistoryTellsWhatChangedUnderWay) {
  const ExecutorFacts facts = FactsOf("journal-v1-history");

  EXPECT_EQ(facts.started->time().seconds(), 1795500002);
  EXPECT_EQ(facts.history.size(), 4u);
  EXPECT_EQ(facts.history[2].started().shim_pid(), 4800);
  EXPECT_TRUE(facts.limits->fence_paused());
  EXPECT_TRUE(facts.attached);
  EXPECT_EQ(absl::ToUnixMillis(facts.tasks[0].acknowledged_at[0]),
            1795500003500);
}

}  // namespace
}  // namespace holdfast
