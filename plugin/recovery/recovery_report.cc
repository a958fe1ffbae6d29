#include "plugin/recovery/recovery_report.h"

#include <algorithm>
#include <utility>

#include "api/time_convert.h"
#include "plugin/recovery/totals.h"

namespace holdfast {

void RecoveryReport::Begin() {
  start_time_ = clock_.Now();
  started_ = clock_.SinceBoot();
}

void RecoveryReport::Add(const std::string& container_id,
                         const std::string& framework_id,
                         const std::string& executor_id) {
  row_of_[container_id] = rows_.size();
  v1::GetRecoveryResponse::Executor& row = rows_.emplace_back();
  row.set_container_id(container_id);
  row.set_framework_id(framework_id);
  row.set_executor_id(executor_id);
  row.set_decision(v1::GetRecoveryResponse::PENDING);
}

void RecoveryReport::Identify(const std::string& container_id,
                              const ExecutorFacts& facts) {
  const auto found = row_of_.find(container_id);
  if (found == row_of_.end()) return;  // it is of this life
  v1::GetRecoveryResponse::Executor& row = rows_[found->second];
  row.set_framework_id(facts.intent.framework_id());
  row.set_executor_id(facts.intent.executor_id());
  row.clear_task_ids();
  for (const TaskFacts& task : facts.tasks) {
    row.add_task_ids(task.info.task_id());
  }
}

void RecoveryReport::AddDamage(const Damage& damage) {
  const bool known = std::any_of(
      damage_.begin(), damage_.end(),
      [&](const Damage& other) { return other.file == damage.file; });
  if (!known) damage_.push_back(damage);
}

void RecoveryReport::AddOrphan(Orphan orphan) {
  std::erase_if(orphans_, [&](const Orphan& other) {
    return other.container_id() == orphan.container_id();
  });
  orphans_.push_back(std::move(orphan));
}

uint32_t RecoveryReport::living_orphans() const {
  return static_cast<uint32_t>(std::count_if(
      orphans_.begin(), orphans_.end(),
      [](const Orphan& orphan) { return orphan.action() != "killed"; }));
}

void RecoveryReport::AllAdded() {
  all_added_ = true;
  if (complete()) took_ = clock_.SinceBoot() - started_;
}

std::vector<std::string> RecoveryReport::DecidedAs(
    std::initializer_list<Decision> decisions) const {
  std::vector<std::string> ids;
  for (const v1::GetRecoveryResponse::Executor& row : rows_) {
    if (std::find(decisions.begin(), decisions.end(), row.decision()) !=
        decisions.end()) {
      ids.push_back(row.container_id());
    }
  }
  return ids;
}

std::vector<std::string> RecoveryReport::Pending() const {
  return DecidedAs({v1::GetRecoveryResponse::PENDING});
}

std::vector<std::string> RecoveryReport::Unanswered() const {
  return DecidedAs(
      {v1::GetRecoveryResponse::PENDING, v1::GetRecoveryResponse::UNATTACHED});
}

void RecoveryReport::Decide(const std::string& container_id, Decision decision,
                            const std::string& reason,
                            std::vector<std::string> evidence) {
  const auto found = row_of_.find(container_id);
  if (found == row_of_.end()) return;  // it is of this life
  v1::GetRecoveryResponse::Executor& row = rows_[found->second];
  const bool first = row.decision() == v1::GetRecoveryResponse::PENDING;
  if (!first && row.decision() != v1::GetRecoveryResponse::UNATTACHED) return;
  row.set_decision(decision);
  row.set_reason(reason);
  for (std::string& fact : evidence) row.add_evidence(std::move(fact));
  *row.mutable_took() = holdfast::ToProto(clock_.SinceBoot() - started_);
  if (first) ++decided_;
  if (complete() && first) took_ = clock_.SinceBoot() - started_;
}

v1::GetRecoveryResponse RecoveryReport::ToProto() const {
  v1::GetRecoveryResponse response;
  response.set_complete(complete());
  *response.mutable_start_time() = holdfast::ToProto(start_time_);
  *response.mutable_took() =
      holdfast::ToProto(complete() ? took_ : clock_.SinceBoot() - started_);
  response.mutable_executors()->Add(rows_.begin(), rows_.end());
  for (const Damage& damage : damage_) {
    *response.add_damage() = holdfast::ToProto(damage);
  }
  response.mutable_orphans()->Add(orphans_.begin(), orphans_.end());
  CountTotals(response);
  return response;
}

}  // namespace holdfast
