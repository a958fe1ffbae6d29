#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "api/orchestrator.pb.h"
#include "base/clock.h"
#include "plugin/recovery/damage.h"
#include "shim/bundle/executor_facts.h"

namespace holdfast {

// What the recovery of this life of the agent found, decided and why, for
// each executor: GetRecovery's answer.
class RecoveryReport {
 public:
  using Decision = v1::GetRecoveryResponse::Decision;

  explicit RecoveryReport(const Clock& clock) : clock_(clock) {}

  void Begin();
  // An executor that has to be decided on.
  void Add(const std::string& container_id, const std::string& framework_id,
           const std::string& executor_id);
  // Whose it is and what it runs, when that is known.
  void Identify(const std::string& container_id, const ExecutorFacts& facts);
  bool Knows(const std::string& container_id) const {
    return row_of_.contains(container_id);
  }
  std::vector<std::string> Pending() const;
  // Those, and the UNATTACHED ones: whoever may yet turn up.
  std::vector<std::string> Unanswered() const;
  // Once for each; a later, better word (an UNATTACHED one came back)
  // replaces an earlier one.
  void Decide(const std::string& container_id, Decision decision,
              const std::string& reason, std::vector<std::string> evidence);
  // No more executors will be added.
  void AllAdded();

  void AddDamage(const Damage& damage);  // once for a file
  using Orphan = v1::GetRecoveryResponse::Orphan;
  // Replaces one of the same container.
  void AddOrphan(Orphan orphan);
  // Those that were not killed.
  uint32_t living_orphans() const;

  // Every executor is decided on.
  bool complete() const { return all_added_ && decided_ == rows_.size(); }
  std::pair<uint32_t, uint32_t> progress() const {
    return {decided_, static_cast<uint32_t>(rows_.size())};
  }
  v1::GetRecoveryResponse ToProto() const;

 private:
  std::vector<std::string> DecidedAs(
      std::initializer_list<Decision> decisions) const;

  const Clock& clock_;
  absl::Time start_time_;
  absl::Duration started_;
  absl::Duration took_;
  bool all_added_ = false;
  uint32_t decided_ = 0;
  std::vector<v1::GetRecoveryResponse::Executor> rows_;
  absl::flat_hash_map<std::string, size_t> row_of_;
  std::vector<Damage> damage_;
  std::vector<Orphan> orphans_;
};

}  // namespace holdfast
