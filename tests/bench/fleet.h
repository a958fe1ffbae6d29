#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hack/local_agent/local_agent.h"
#include "hack/local_agent/update_ledger.h"
#include "hack/local_agent/update_watcher.h"

namespace holdfast::bench {

// A private agent with one checkpointing framework whose tasks sleep, and an
// orchestrator that watches and acknowledges.
class Fleet {
 public:
  static absl::StatusOr<std::unique_ptr<Fleet>> Create(
      const std::string& bin_dir, const std::string& parent_dir);
  ~Fleet();  // ends all of it, whatever state it is in

  // Tasks of names that were not used before; not launched yet.
  std::vector<v1::TaskInfo> NewSleepers(size_t n);
  // A task of a static program that sleeps.
  static v1::TaskInfo Sleeper(const std::string& task_id);

  // Launches until `n` sleepers live.
  absl::Status GrowTo(size_t n);
  absl::Status Launch(const v1::TaskInfo& task);
  // SIGKILL, and a moment's rest.
  absl::Status Crash();
  // With these flags of holdfastd's; from its start to the moment in which all
  // but `in_trouble` executors were settled.
  absl::StatusOr<absl::Duration> StartAgain(
      size_t in_trouble = 0, const std::vector<std::string>& flags = {});
  // Until all of them are attached.
  absl::Status WaitUntilWhole();

  // Living tasks, as the agent tells them.
  absl::StatusOr<std::vector<v1::Task>> LivingTasks();

  hack::LocalAgent& agent() { return *agent_; }
  hack::Client& client() { return agent_->client(); }
  hack::UpdateLedger& ledger() { return ledger_; }
  static constexpr char kFramework[] = "bench";

 private:
  explicit Fleet(std::unique_ptr<hack::LocalAgent> agent);
  absl::Status Register();
  void Watch();

  std::unique_ptr<hack::LocalAgent> agent_;
  hack::UpdateLedger ledger_;
  std::unique_ptr<hack::UpdateWatcher> watcher_;
  size_t named_ = 0;
  size_t sleepers_ = 0;
};

}  // namespace holdfast::bench
