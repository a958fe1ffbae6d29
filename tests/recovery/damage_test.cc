// Damage at every byte of every kind of file that a recovery reads: cut off at
// each length and flipped at each bit. It is noticed, or it is in the zeros
// ahead and nothing is lost; no fact is ever invented, and nothing that is
// removed when it is damaged would have stayed when it was whole.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "plugin/checkpoint/agent_store.h"
#include "plugin/recovery/decision.h"
#include "shim/bundle/executor_journal.h"
#include "shim/bundle/replay.h"
#include "shim/records/damage_offset.h"
#include "shim/records/journal.h"
#include "tests/fakes/fake_disk.h"
#include "tests/recovery/damaged_files.h"

namespace holdfast {
namespace {

using Report = v1::GetRecoveryResponse;

const Layout kLayout = {"/w", "/r"};
constexpr char kBoot[] = "boot-1";

class JournalDamage : public testing::TestWithParam<GoodFile> {
 protected:
  // As a reader has it, without the lock.
  static absl::StatusOr<ExecutorFacts> Read(const std::string& content) {
    const absl::StatusOr<Journal::Parsed> parsed = Journal::Parse(content);
    if (!parsed.ok()) return parsed.status();
    return ReplayFacts(parsed->payloads, parsed->offsets);
  }

  static Verdict DecideOn(const absl::StatusOr<ExecutorFacts>& facts,
                          ShimState shim) {
    Evidence evidence;
    if (facts.ok()) {
      evidence = EvidenceFrom(*facts, kBoot);
    } else {
      evidence.journal = facts.status();
    }
    evidence.shim = shim;
    return Decide(evidence);
  }

  // Noticed, with an offset inside the file; or as good as whole.
  void ExpectNoticedOrHarmless(const std::string& content) {
    const absl::StatusOr<Journal::Parsed> parsed = Journal::Parse(content);
    const absl::StatusOr<ExecutorFacts> facts = Read(content);
    if (parsed.ok() && facts.ok()) {
      ASSERT_EQ(parsed->payloads, good_.payloads);
    } else {
      ASSERT_TRUE(IsDamage(facts.status())) << facts.status();
      ASSERT_TRUE(OffsetOf(facts.status())) << facts.status();
      ASSERT_LE(*OffsetOf(facts.status()), content.size());
    }
    ExpectNoWorseDecision(facts);
  }

  void ExpectNoWorseDecision(const absl::StatusOr<ExecutorFacts>& facts) {
    const Report::Decision decided = DecideOn(facts, ShimState::kDead).decision;
    if (decided != Report::QUARANTINED) {
      ASSERT_EQ(decided, good_decision_) << Report::Decision_Name(decided);
    }
    ASSERT_EQ(DecideOn(facts, ShimState::kAnswers).decision,
              Report::REATTACHED);
  }

  // The same through the doors that the plugin uses, and the file left alone.
  void ExpectLeftAlone(const std::string& content) {
    FakeDisk disk;
    disk.SetContent("/j", content);
    const absl::StatusOr<ExecutorFacts> facts = Read(content);
    const auto peeked = ExecutorJournal::Peek(disk, "/j");
    const auto taken = ExecutorJournal::TakeOver(disk, "/j");
    ASSERT_EQ(peeked.status().code(), facts.status().code());
    ASSERT_EQ(taken.status().code(), facts.status().code());
    ASSERT_EQ(OffsetOf(peeked.status()), OffsetOf(facts.status()));
    if (!taken.ok()) {
      ASSERT_EQ(disk.Content("/j"), content);
    }
  }

  const GoodFile good_ = GetParam();
  const Report::Decision good_decision_ =
      DecideOn(Read(good_.content), ShimState::kDead).decision;
};

TEST_P(JournalDamage, IsNoticedWhereverTheFileIsCutOff) {
  CutEverywhere(good_, 0, good_.content.size(),
                [&](const std::string& content, const std::string& what) {
                  ExpectNoticedOrHarmless(content);
                  if (HasFatalFailure()) FAIL() << good_.name << ", " << what;
                });
}

TEST_P(JournalDamage, IsNoticedWhicheverBitIsFlipped) {
  FlipEverywhere(good_, 0, good_.end,
                 [&](const std::string& content, const std::string& what) {
                   ASSERT_FALSE(Read(content).ok()) << what;
                   ExpectNoticedOrHarmless(content);
                   if (HasFatalFailure()) FAIL() << good_.name << ", " << what;
                 });
}

TEST_P(JournalDamage, InTheZerosAheadLosesNothing) {
  // All of what a next append would write over first, then a sample.
  for (size_t at = good_.end; at < good_.content.size();
       at += at < good_.end + 600 ? 1 : 7) {
    std::string content = good_.content;
    for (const int bad : {1, 0xff}) {
      content[at] = static_cast<char>(bad);
      ExpectNoticedOrHarmless(content);
      if (HasFatalFailure()) FAIL() << good_.name << ", byte " << at;
    }
  }
}

TEST_P(JournalDamage, LeavesTheFileAsItIs) {
  const auto attempt = [&](const std::string& content,
                           const std::string& what) {
    ExpectLeftAlone(content);
    if (HasFatalFailure()) FAIL() << good_.name << ", " << what;
  };
  for (size_t at = 0; at < good_.end; at += 7) {
    CutEverywhere(good_, at, at + 1, attempt);
    FlipEverywhere(good_, at, at + 1, attempt);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, JournalDamage,
                         testing::ValuesIn(GoodJournals()),
                         [](const testing::TestParamInfo<GoodFile>& file) {
                           std::string name;
                           bool start = true;
                           for (const char c : file.param.name) {
                             if (c != ' ')
                               name += static_cast<char>(start ? c & ~0x20 : c);
                             start = c == ' ';
                           }
                           return name;
                         });

// The agent's own records: each is loaded as it was, or not at all.
class RecordDamage : public testing::Test {
 protected:
  RecordDamage() : store_(*AgentStore::Open(disk_, kLayout)) {
    v1::AgentRecord agent;
    agent.mutable_agent()->set_agent_id("a-1");
    agent.mutable_agent()->set_hostname("host");
    agent.set_boot_id(kBoot);
    EXPECT_TRUE(store_->SaveAgent(agent).ok());
    v1::FrameworkRecord framework;
    framework.mutable_framework()->set_framework_id("f-1");
    framework.mutable_framework()->set_checkpoint(true);
    EXPECT_TRUE(store_->SaveFramework(framework).ok());
  }

  GoodFile Good(const std::string& path) {
    GoodFile file{.name = path, .content = disk_.Content(path)};
    file.end = Journal::Parse(file.content)->end;
    return file;
  }

  // What a load gives when nothing is damaged.
  std::string Loaded(const std::string& path, absl::Status* status) {
    if (path == kLayout.AgentRecord()) {
      const auto record = store_->LoadAgent();
      *status = record.status();
      return record.ok() ? record->SerializeAsString() : "";
    }
    const auto records = store_->LoadFrameworks();
    *status =
        records->damaged.empty() ? absl::OkStatus() : records->damaged[0].what;
    return records->records.empty() ? ""
                                    : records->records[0].SerializeAsString();
  }

  void DamageEverywhere(const std::string& path) {
    absl::Status status;
    const GoodFile good = Good(path);
    const std::string truth = Loaded(path, &status);
    ASSERT_TRUE(status.ok() && !truth.empty()) << status;
    const auto attempt = [&](const std::string& content,
                             const std::string& what) {
      disk_.SetContent(path, content);
      const std::string loaded = Loaded(path, &status);
      if (status.ok()) {
        ASSERT_EQ(loaded, truth) << what;
      } else {
        ASSERT_EQ(loaded, "") << what;
        ASSERT_TRUE(OffsetOf(status)) << what << ": " << status;
      }
      ASSERT_EQ(disk_.Content(path), content);
    };
    CutEverywhere(good, 0, good.content.size(), attempt);
    FlipEverywhere(good, 0, good.end + 520, attempt);
  }

  FakeDisk disk_;
  std::unique_ptr<AgentStore> store_;
};

TEST_F(RecordDamage, OfTheAgentNeverMakesAnotherAgent) {
  DamageEverywhere(kLayout.AgentRecord());
}

TEST_F(RecordDamage, OfAFrameworkNeverMakesAnotherFramework) {
  DamageEverywhere(kLayout.FrameworkRecord("f-1"));
}

}  // namespace
}  // namespace holdfast
