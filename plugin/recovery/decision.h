#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "api/orchestrator.pb.h"
#include "shim/bundle/executor_facts.h"

namespace holdfast {

// How a shim was found.
enum class ShimState {
  kUnknown,  // not looked for yet
  kAnswers,  // the attach exchange is done (a plan: it speaks on its socket)
  kRefuses,  // it speaks, and takes another agent than us
  kSilent,   // nobody answers, and its journal is locked, or it never speaks
  kDead,     // nobody listens, and its journal can be locked
};

// All that the recovery of one executor rests on.
struct Evidence {
  bool checkpoint = true;
  bool never_begun = false;  // see ScannedContainer
  bool has_no_name = false;  // likewise; `journal` says why
  ShimState shim = ShimState::kUnknown;
  // What reading the journal said; facts hold only while it is OK, or from
  // the shim.
  absl::Status journal;
  bool started = false;
  bool exited = false;
  bool this_boot = true;  // it was started in this boot
  bool rebooted = false;  // an end by a reboot is what was recorded
  int pid = 0;            // as recorded
  size_t unacknowledged = 0;
  bool cleanup = false;  // --recover=cleanup, and it is this agent's to end
};

// With what a journal says; the rest is to be found out.
Evidence EvidenceFrom(const ExecutorFacts& facts, const std::string& boot_id);

struct Verdict {
  v1::GetRecoveryResponse::Decision decision;
  std::string reason;
};

// The one place where an executor's recovery is decided: the plugin acts on
// it, and a plan shows it. Only a cleanup ends what has a checkpoint, and what
// cannot be read decides nothing but its own fate:
//
//   no checkpoint             CLEANED_UP        CHECKPOINT_FALSE
//   no journal, nothing ran   ROLLED_BACK       NO_INTENT
//   it cannot be renamed      UNATTACHED        NO_NAME
//   its shim answers          REATTACHED        SHIM_ALIVE
//     beside a damaged journal                  JOURNAL_DAMAGED_SHIM_ALIVE
//            refuses          UNATTACHED        SHIM_REFUSES
//            says nothing     UNATTACHED        NO_ANSWER
//            is dead, and its journal
//     is damaged              QUARANTINED       JOURNAL_DAMAGED
//     cannot be read now      UNATTACHED        JOURNAL_UNREADABLE
//     holds an end            ENDED_WHILE_AWAY  EXIT_RECORDED
//       by a reboot           AGENT_REBOOTED    BOOT_ID_DIFFERS
//     holds no start          ROLLED_BACK       NEVER_STARTED
//     a start before a reboot AGENT_REBOOTED    BOOT_ID_DIFFERS
//     a start in this boot    ADOPTED           SHIM_DIED
//   --recover=cleanup: for REATTACHED, ADOPTED and, with a readable journal,
//   NO_ANSWER               ENDED_BY_CLEANUP  RECOVER_CLEANUP
//
// REREGISTRATION_TIMED_OUT is a later word on an executor that was UNATTACHED
// (--executor_reregistration_timeout): nobody can tell it beforehand.
Verdict Decide(const Evidence& evidence);

// Whether what reading a journal said means that it is damaged, written by a
// newer version, or gone; anything else is a disk's trouble, and may pass.
bool IsDamage(const absl::Status& journal);

// The evidence for a person, a fact each.
std::vector<std::string> Describe(const Evidence& evidence);

}  // namespace holdfast
