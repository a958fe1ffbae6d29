#include "plugin/recovery/decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/shim/bundle/records.h"

namespace holdfast {

using Report = v1::GetRecoveryResponse;

bool operator==(const Verdict& a, const Verdict& b) {
  return a.decision == b.decision && a.reason == b.reason;
}
void PrintTo(const Verdict& verdict, std::ostream* out) {
  *out << Report::Decision_Name(verdict.decision) << " " << verdict.reason;
}

namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

// One that was started in this boot, and whose shim has died.
Evidence Living() {
  Evidence evidence;
  evidence.shim = ShimState::kDead;
  evidence.started = true;
  return evidence;
}

TEST(Decision, FollowsTheTableInItsHeader) {
  EXPECT_EQ(Decide(Living()), (Verdict{Report::ADOPTED, "SHIM_DIED"}));

  Evidence without = Living();
  without.checkpoint = false;
  EXPECT_EQ(Decide(without), (Verdict{Report::CLEANED_UP, "CHECKPOINT_FALSE"}));

  Evidence never_begun;
  never_begun.never_begun = true;
  never_begun.journal = absl::NotFoundError("");
  EXPECT_EQ(Decide(never_begun), (Verdict{Report::ROLLED_BACK, "NO_INTENT"}));

  Evidence intent_only = Living();
  intent_only.started = false;
  EXPECT_EQ(Decide(intent_only),
            (Verdict{Report::ROLLED_BACK, "NEVER_STARTED"}));

  Evidence ended = Living();
  ended.exited = true;
  EXPECT_EQ(Decide(ended),
            (Verdict{Report::ENDED_WHILE_AWAY, "EXIT_RECORDED"}));
  ended.this_boot = false;
  EXPECT_EQ(Decide(ended), (Verdict{Report::ENDED_WHILE_AWAY, "EXIT_RECORDED"}))
      << "its own end is the truer one";
  ended.rebooted = true;
  EXPECT_EQ(Decide(ended),
            (Verdict{Report::AGENT_REBOOTED, "BOOT_ID_DIFFERS"}));

  Evidence before_reboot = Living();
  before_reboot.this_boot = false;
  EXPECT_EQ(Decide(before_reboot),
            (Verdict{Report::AGENT_REBOOTED, "BOOT_ID_DIFFERS"}));
}

TEST(Decision, ALivingShimsWordGoesBeforeItsJournal) {
  for (const absl::Status& journal :
       {absl::OkStatus(), absl::DataLossError(""), absl::NotFoundError(""),
        absl::FailedPreconditionError(""), absl::InternalError("")}) {
    Evidence evidence = Living();
    evidence.journal = journal;
    evidence.shim = ShimState::kAnswers;
    EXPECT_EQ(
        Decide(evidence),
        (Verdict{Report::REATTACHED,
                 journal.ok() ? "SHIM_ALIVE" : "JOURNAL_DAMAGED_SHIM_ALIVE"}));
    evidence.shim = ShimState::kRefuses;
    EXPECT_EQ(Decide(evidence), (Verdict{Report::UNATTACHED, "SHIM_REFUSES"}));
    evidence.shim = ShimState::kSilent;
    EXPECT_EQ(Decide(evidence), (Verdict{Report::UNATTACHED, "NO_ANSWER"}));
  }
}

TEST(Decision, ACleanupEndsWhatLivesAndNothingElse) {
  const Verdict ended = {Report::ENDED_BY_CLEANUP, "RECOVER_CLEANUP"};
  Evidence evidence = Living();
  evidence.cleanup = true;
  for (const ShimState shim :
       {ShimState::kAnswers, ShimState::kSilent, ShimState::kDead}) {
    evidence.shim = shim;
    EXPECT_EQ(Decide(evidence), ended);
    EXPECT_THAT(Describe(evidence), Contains(HasSubstr("cleanup")));
  }
  evidence.shim = ShimState::kRefuses;
  EXPECT_EQ(Decide(evidence), (Verdict{Report::UNATTACHED, "SHIM_REFUSES"}));

  evidence.shim = ShimState::kDead;
  evidence.exited = true;
  EXPECT_EQ(Decide(evidence),
            (Verdict{Report::ENDED_WHILE_AWAY, "EXIT_RECORDED"}));

  evidence.journal = absl::DataLossError("damaged");
  EXPECT_EQ(Decide(evidence),
            (Verdict{Report::QUARANTINED, "JOURNAL_DAMAGED"}));
  evidence.shim = ShimState::kSilent;
  EXPECT_EQ(Decide(evidence), (Verdict{Report::UNATTACHED, "NO_ANSWER"}));
}

TEST(Decision, DamageMovesAsideAndADisksTroubleDoesNot) {
  Evidence evidence = Living();
  for (const absl::Status& damage :
       {absl::DataLossError("bad frame"), absl::NotFoundError("gone"),
        absl::FailedPreconditionError("written as 2")}) {
    evidence.journal = damage;
    EXPECT_EQ(Decide(evidence),
              (Verdict{Report::QUARANTINED, "JOURNAL_DAMAGED"}))
        << damage;
  }
  for (const absl::Status& trouble :
       {absl::InternalError("EIO"), absl::ResourceExhaustedError("EMFILE"),
        absl::PermissionDeniedError("EACCES")}) {
    evidence.journal = trouble;
    EXPECT_EQ(Decide(evidence),
              (Verdict{Report::UNATTACHED, "JOURNAL_UNREADABLE"}))
        << trouble;
  }
}

TEST(Decision, WhatCannotBeRenamedIsLeftAndSaysWhy) {
  Evidence evidence;
  evidence.has_no_name = true;
  evidence.journal = absl::PermissionDeniedError("rename c-1: not now");
  for (const bool cleanup : {false, true}) {
    evidence.cleanup = cleanup;
    EXPECT_EQ(Decide(evidence), (Verdict{Report::UNATTACHED, "NO_NAME"}));
    EXPECT_THAT(Describe(evidence), Contains("rename c-1: not now"));
  }
}

// ROLLED_BACK, CLEANED_UP: what is removed. Everything else leaves processes.
TEST(Decision, NothingThatCannotBeReadIsEverRemoved) {
  for (const ShimState shim :
       {ShimState::kUnknown, ShimState::kAnswers, ShimState::kRefuses,
        ShimState::kSilent, ShimState::kDead}) {
    for (int bits = 0; bits < 16; ++bits) {
      Evidence evidence;
      evidence.shim = shim;
      evidence.journal = absl::DataLossError("damaged");
      evidence.started = bits & 1;
      evidence.exited = bits & 2;
      evidence.this_boot = bits & 4;
      evidence.rebooted = bits & 8;

      const Report::Decision decision = Decide(evidence).decision;

      EXPECT_NE(decision, Report::ROLLED_BACK);
      EXPECT_NE(decision, Report::CLEANED_UP);
      EXPECT_NE(decision, Report::AGENT_REBOOTED);
    }
  }
}

TEST(Decision, TakesItsEvidenceFromAJournalsFacts) {
  ExecutorFacts facts;
  v1::JournalRecord started = StartedRecord(7);
  started.mutable_started()->set_boot_id("boot-1");
  for (const v1::JournalRecord& record :
       {IntentRecord(), started, UpdateRecord(1, "u-1")}) {
    ASSERT_TRUE(facts.Apply(record).ok());
  }

  const Evidence here = EvidenceFrom(facts, "boot-1");
  const Evidence later = EvidenceFrom(facts, "boot-2");

  EXPECT_TRUE(here.started);
  EXPECT_FALSE(here.exited);
  EXPECT_TRUE(here.this_boot);
  EXPECT_FALSE(later.this_boot);
  EXPECT_EQ(here.unacknowledged, 1u);
  EXPECT_THAT(Describe(here), Contains(HasSubstr("a start as pid 7")));
  EXPECT_THAT(Describe(later), Contains(HasSubstr("in another boot")));
}

TEST(Decision, KnowsAnEndByARebootWhenItIsReadAgain) {
  ExecutorFacts facts;
  v1::JournalRecord update = UpdateRecord(1, "u-1", v1::TASK_FAILED);
  update.mutable_update()->mutable_status()->set_reason(
      v1::REASON_AGENT_REBOOTED);
  for (const v1::JournalRecord& record :
       {IntentRecord(), StartedRecord(7), ExitedRecord(0), update}) {
    ASSERT_TRUE(facts.Apply(record).ok());
  }

  EXPECT_TRUE(EvidenceFrom(facts, "boot-2").rebooted);
}

}  // namespace
}  // namespace holdfast
