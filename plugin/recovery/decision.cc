#include "plugin/recovery/decision.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace holdfast {
namespace {

using Report = v1::GetRecoveryResponse;

Verdict DecideOnDead(const Evidence& evidence) {
  if (IsDamage(evidence.journal)) {
    return {Report::QUARANTINED, "JOURNAL_DAMAGED"};
  }
  if (!evidence.journal.ok()) {
    return {Report::UNATTACHED, "JOURNAL_UNREADABLE"};
  }
  if (evidence.exited) {
    return evidence.rebooted
               ? Verdict{Report::AGENT_REBOOTED, "BOOT_ID_DIFFERS"}
               : Verdict{Report::ENDED_WHILE_AWAY, "EXIT_RECORDED"};
  }
  if (!evidence.started) return {Report::ROLLED_BACK, "NEVER_STARTED"};
  if (!evidence.this_boot) return {Report::AGENT_REBOOTED, "BOOT_ID_DIFFERS"};
  return {Report::ADOPTED, "SHIM_DIED"};
}

Verdict DecideOnShim(const Evidence& evidence) {
  switch (evidence.shim) {
    case ShimState::kAnswers:
      return {Report::REATTACHED, evidence.journal.ok()
                                      ? "SHIM_ALIVE"
                                      : "JOURNAL_DAMAGED_SHIM_ALIVE"};
    case ShimState::kRefuses:
      return {Report::UNATTACHED, "SHIM_REFUSES"};
    case ShimState::kUnknown:
    case ShimState::kSilent:
      return {Report::UNATTACHED, "NO_ANSWER"};
    case ShimState::kDead:
      return DecideOnDead(evidence);
  }
  return {Report::UNATTACHED, "NO_ANSWER"};
}

// A shim that is silent is replaced, and the new one is told to end.
bool CanBeEnded(const Evidence& evidence, const Verdict& found) {
  return found.decision == Report::REATTACHED ||
         found.decision == Report::ADOPTED ||
         (evidence.shim == ShimState::kSilent && evidence.journal.ok());
}

std::string DescribeShim(ShimState shim) {
  switch (shim) {
    case ShimState::kUnknown:
      return "its shim was not looked for";
    case ShimState::kAnswers:
      return "its shim answered on its socket and told what is true";
    case ShimState::kRefuses:
      return "its shim answered and takes another agent's word only";
    case ShimState::kSilent:
      return "its shim lives and does not answer";
    case ShimState::kDead:
      return "its shim is gone: nobody listens, its journal was free";
  }
  return "";
}

std::string DescribeJournal(const Evidence& evidence) {
  if (!evidence.journal.ok()) return std::string(evidence.journal.message());
  const std::string updates =
      absl::StrCat(", ", evidence.unacknowledged, " updates unacknowledged");
  if (evidence.exited) {
    return absl::StrCat("its journal holds an end",
                        evidence.rebooted ? " by a reboot" : "", updates);
  }
  if (!evidence.started) return "its journal holds an intent and no start";
  return absl::StrCat("its journal holds a start as pid ", evidence.pid,
                      evidence.this_boot ? " in this boot" : " in another boot",
                      " and no end", updates);
}

}  // namespace

Evidence EvidenceFrom(const ExecutorFacts& facts, const std::string& boot_id) {
  Evidence evidence;
  evidence.started = facts.started.has_value();
  evidence.exited = facts.exited.has_value();
  if (facts.started) {
    evidence.this_boot = facts.started->boot_id() == boot_id;
    evidence.pid = facts.started->pid();
  }
  evidence.rebooted =
      facts.exited &&
      std::any_of(facts.tasks.begin(), facts.tasks.end(),
                  [](const TaskFacts& task) {
                    return !task.updates.empty() &&
                           task.updates.back().status().reason() ==
                               v1::REASON_AGENT_REBOOTED;
                  });
  evidence.unacknowledged = facts.Unacknowledged().size();
  return evidence;
}

bool IsDamage(const absl::Status& journal) {
  return absl::IsDataLoss(journal) || absl::IsFailedPrecondition(journal) ||
         absl::IsNotFound(journal);
}

Verdict Decide(const Evidence& evidence) {
  if (!evidence.checkpoint) return {Report::CLEANED_UP, "CHECKPOINT_FALSE"};
  if (evidence.never_begun) return {Report::ROLLED_BACK, "NO_INTENT"};
  if (evidence.has_no_name) return {Report::UNATTACHED, "NO_NAME"};
  const Verdict found = DecideOnShim(evidence);
  if (evidence.cleanup && CanBeEnded(evidence, found)) {
    return {Report::ENDED_BY_CLEANUP, "RECOVER_CLEANUP"};
  }
  return found;
}

std::vector<std::string> Describe(const Evidence& evidence) {
  if (!evidence.checkpoint) {
    return {"its framework has no checkpoint: it ended with the plugin"};
  }
  if (evidence.never_begun) {
    return {"it has no journal, and nothing in its directory ever ran"};
  }
  if (evidence.has_no_name) {
    return {
        "its directory has the name of a spare, and cannot be given its "
        "own; the next start tries again",
        std::string(evidence.journal.message())};
  }
  std::vector<std::string> facts = {DescribeShim(evidence.shim),
                                    DescribeJournal(evidence)};
  if (Decide(evidence).decision == Report::ENDED_BY_CLEANUP) {
    facts.push_back("all executors are to end (--recover=cleanup)");
  }
  return facts;
}

}  // namespace holdfast
