// Agent: what is damaged and goes aside (strict=false), and what is made anew
// in its place.

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "plugin/recovery/orphans.h"
#include "plugin/recovery/quarantine.h"
#include "plugin/service/agent.h"

namespace holdfast {

// strict=false: a framework's record that cannot be read goes aside before
// anyone can register it anew. Its executors know whose they are. An error of
// the disk is no damage: the file may be good the next time.
void Agent::SetAside(const AgentStore::DamagedFile& damaged) {
  Damage damage = MakeDamage(damaged.path, damaged.what);
  if (IsDamage(damaged.what)) {
    const absl::StatusOr<std::string> moved =
        store_.QuarantineFramework(damaged.path);
    damage.cure =
        moved.ok() ? absl::StrCat("it was moved to ", *moved,
                                  "; the framework registers again by itself")
                   : std::string(moved.status().message());
  }
  LogDamage(damage);
  report_.AddDamage(damage);
}

// The record of a framework that has executors is lost: what it must have
// been, until it registers again.
void Agent::RebuildFramework(const v1::Intent& intent) {
  v1::FrameworkInfo framework;
  framework.set_framework_id(intent.framework_id());
  framework.set_name(intent.framework_id());
  framework.set_checkpoint(true);
  if (intent.task_killing_state()) {
    framework.add_capabilities(v1::FrameworkInfo::TASK_KILLING_STATE);
  }
  const bool restored =
      frameworks_.Restore(framework, [](const absl::Status& saved) {
        // It is made anew at the next start, too.
        if (!saved.ok()) Log(Severity::kError, saved.message());
      });
  if (!restored) return;
  StartFailoverClock(framework);
  Log(Severity::kWarning,
      "a framework that has executors has no record; it was made anew",
      {{"framework", intent.framework_id()}});
}

// Records hold no tasks.
void Agent::CountQuarantine() {
  const std::vector<std::string> names =
      ListQuarantine(files_, store_.layout());
  quarantined_ = names.size();
  anything_quarantined_ =
      std::any_of(names.begin(), names.end(), [](const std::string& name) {
        return !absl::StrContains(name, ".record");
      });
}

// strict=false: what cannot be read goes aside, whole; whatever it runs is
// left alone.
bool Agent::OnDamage(Executor& executor) {
  if (options_.strict) return false;
  const std::string id = executor.container_id();
  report_.AddDamage(MakeDamage(store_.layout().Journal(id, true),
                               executor.evidence().journal, id));
  workers_.Run([this, id] {
    const absl::StatusOr<std::string> moved = MoveAside(
        files_, store_.layout(), store_.layout().Executor(id, true), id);
    std::vector<RecoveryReport::Orphan> orphans;
    const absl::StatusOr<ContainerReader> reader =
        ContainerReader::Create(options_.cgroups_root);
    if (moved.ok() && reader.ok()) {
      orphans = FindOrphans(*reader, files_, store_.layout(),
                            options_.cgroups_root, {id});
    }
    loop_.Post(
        [this, id, moved, orphans] { OnQuarantined(id, moved, orphans); });
  });
  return true;
}

void Agent::OnQuarantined(const std::string& container_id,
                          const absl::StatusOr<std::string>& moved,
                          const std::vector<RecoveryReport::Orphan>& orphans) {
  const auto found = executors_.find(container_id);
  if (!moved.ok()) {
    Log(Severity::kError, moved.status().message(),
        {{"container", container_id}});
    if (found != executors_.end()) found->second->LookAgain();
    return;
  }
  ++quarantined_;
  anything_quarantined_ = true;
  Log(Severity::kWarning, "its journal is damaged: set aside, whole",
      {{"container", container_id}, {"now", *moved}});
  if (found != executors_.end()) {
    const Evidence& evidence = found->second->evidence();
    const Verdict verdict = Decide(evidence);
    report_.Decide(container_id, verdict.decision, verdict.reason,
                   Describe(evidence));
    Forget(*found->second);
  }
  // Not as --orphans says: that is for what a start finds.
  for (const RecoveryReport::Orphan& orphan : orphans) {
    report_.AddOrphan(orphan);
  }
  CheckRecovered();
}

}  // namespace holdfast
