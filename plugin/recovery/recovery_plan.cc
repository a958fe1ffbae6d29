#include "plugin/recovery/recovery_plan.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/time_convert.h"
#include "base/clock.h"
#include "base/errors.h"
#include "base/worker_pool.h"
#include "cgroups/container_reader.h"
#include "plugin/checkpoint/agent_store.h"
#include "plugin/recovery/checkpoint_scan.h"
#include "plugin/recovery/decision.h"
#include "plugin/recovery/former_agent.h"
#include "plugin/recovery/orphans.h"
#include "plugin/recovery/shim_probe.h"
#include "plugin/recovery/totals.h"

namespace holdfast {
namespace {

using Report = v1::GetRecoveryResponse;

constexpr int kAtATime = 16;

// As a start finds it: from the record, or rebuilt from the journals.
std::string AgentId(Files& files, const Layout& layout,
                    const absl::StatusOr<v1::AgentRecord>& record) {
  return record.ok() ? record->agent().agent_id()
                     : AgentIdOfExecutors(files, layout);
}

// A start gives one that was made ahead its own name.
std::string IdOf(const ScannedContainer& container) {
  return container.facts.ok() ? container.facts->intent.container_id()
                              : container.container_id;
}

// What a start gathers one by one, here all at once.
Evidence Gather(Files& files, const Layout& layout, const PlanOptions& options,
                const std::string& agent_id,
                const ScannedContainer& container) {
  Evidence evidence;
  if (container.facts.ok()) {
    evidence = EvidenceFrom(*container.facts, options.boot_id);
  } else {
    evidence.journal = container.facts.status();
  }
  evidence.checkpoint = container.checkpoint;
  evidence.never_begun = container.never_begun;
  if (!evidence.checkpoint || evidence.never_begun) return evidence;
  evidence.shim =
      ProbeShim(files, layout.ShimSocket(IdOf(container)),
                layout.Journal(container.container_id, true), options.patience);
  const bool foreign =
      container.facts.ok() && container.facts->intent.agent_id() != agent_id;
  if (evidence.shim == ShimState::kAnswers && foreign) {
    evidence.shim = ShimState::kRefuses;
  }
  evidence.cleanup = options.recover == RecoverMode::kCleanup && !foreign;
  // Its shim is gone or going; what holds the journal is the plugin, which
  // delivers from it until the restart.
  if (evidence.shim == ShimState::kSilent && evidence.exited) {
    evidence.shim = ShimState::kDead;
  }
  return evidence;
}

// Side by side, so that shims that do not answer are waited for once.
std::vector<Evidence> GatherAll(
    Files& files, const Layout& layout, const PlanOptions& options,
    const std::string& agent_id,
    const std::vector<ScannedContainer>& containers) {
  std::vector<Evidence> evidence(containers.size());
  WorkerPool workers(kAtATime);  // its end waits for all
  for (size_t i = 0; i < containers.size(); ++i) {
    workers.Run([&, i] {
      evidence[i] = Gather(files, layout, options, agent_id, containers[i]);
    });
  }
  return evidence;
}

void AddRow(const ScannedContainer& container, const Evidence& evidence,
            Report& plan) {
  Report::Executor& row = *plan.add_executors();
  row.set_container_id(IdOf(container));
  const Verdict verdict = Decide(evidence);
  row.set_decision(verdict.decision);
  row.set_reason(verdict.reason);
  for (std::string& fact : Describe(evidence)) {
    row.add_evidence(std::move(fact));
  }
  if (!container.facts.ok()) return;
  row.set_framework_id(container.facts->intent.framework_id());
  row.set_executor_id(container.facts->intent.executor_id());
  for (const TaskFacts& task : container.facts->tasks) {
    row.add_task_ids(task.info.task_id());
  }
}

absl::Status AddOrphans(Files& files, const Layout& layout,
                        const std::string& cgroups_root,
                        const std::vector<ScannedContainer>& containers,
                        Report& plan) {
  if (cgroups_root.empty()) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(const ContainerReader reader,
                            ContainerReader::Create(cgroups_root));
  std::vector<std::string> unknown = reader.Containers();
  std::erase_if(unknown, [&](const std::string& id) {
    return std::any_of(
        containers.begin(), containers.end(),
        [&](const ScannedContainer& one) { return IdOf(one) == id; });
  });
  for (Report::Orphan& orphan :
       FindOrphans(reader, files, layout, cgroups_root, unknown)) {
    *plan.add_orphans() = std::move(orphan);
  }
  return absl::OkStatus();
}

void RefuseAll(Report& plan) {
  for (Report::Executor& row : *plan.mutable_executors()) {
    row.set_decision(Report::PENDING);
    row.set_reason("STRICT_REFUSES");
  }
}

}  // namespace

absl::StatusOr<Report> PlanRecovery(Files& files, const Layout& layout,
                                    const PlanOptions& options) {
  HOLDFAST_RETURN_IF_ERROR(files.List(layout.work_dir).status());
  const absl::Time start_time = SystemClock().Now();
  const absl::Duration started = SystemClock().SinceBoot();
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<ScannedContainer> containers,
                            ScanCheckpointNow(files, layout));
  const AgentStore store = AgentStore::ForReading(files, layout);
  const absl::StatusOr<v1::AgentRecord> record = store.LoadAgent();
  const std::string agent_id = AgentId(files, layout, record);
  Report plan;
  plan.set_plan(true);
  plan.set_strict(options.strict);
  plan.set_mode(std::string(Name(options.recover)));
  *plan.mutable_start_time() = ToProto(start_time);
  for (const Damage& damage : CheckpointDamage(store, record, containers)) {
    *plan.add_damage() = ToProto(damage);
  }
  const std::vector<Evidence> evidence =
      GatherAll(files, layout, options, agent_id, containers);
  for (size_t i = 0; i < containers.size(); ++i) {
    AddRow(containers[i], evidence[i], plan);
  }
  plan.set_complete(!options.strict || plan.damage().empty());
  if (!plan.complete()) RefuseAll(plan);
  HOLDFAST_RETURN_IF_ERROR(
      AddOrphans(files, layout, options.cgroups_root, containers, plan));
  CountTotals(plan);
  *plan.mutable_took() = ToProto(SystemClock().SinceBoot() - started);
  return plan;
}

}  // namespace holdfast
