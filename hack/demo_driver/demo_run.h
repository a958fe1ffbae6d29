#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "hack/demo_driver/observations.h"
#include "hack/local_agent/local_agent.h"
#include "hack/local_agent/update_ledger.h"
#include "hack/local_agent/update_watcher.h"

namespace holdfast::hack {

// The demonstration from the first launch to the last removal, a step a
// function. It only looks; what it saw is judged in verdicts.h.
class DemoRun {
 public:
  struct Options {
    std::string bin_dir;
    absl::Duration run_before = absl::Seconds(2);
    absl::Duration down = absl::Seconds(3);
    absl::Duration run_after = absl::Seconds(1);
  };

  DemoRun(Options options, LocalAgent& agent);

  // An error: a step could not be done at all, or we were interrupted.
  absl::StatusOr<Observations> Run();

 private:
  absl::Status Register();
  absl::Status Launch();
  absl::Status NoteProcesses(
      std::optional<ProcessIdentity> TaskObservation::*when);
  absl::Status KillAgent();
  absl::Status StayDown();
  absl::Status RestartAgent();
  absl::Status ReadCounters();
  absl::Status EndEverything();
  absl::Status RemoveTask(const std::string& task_id);
  void LookForLeftovers();

  absl::StatusOr<std::string> ReadStdout(const DemoTask& task);
  std::vector<std::string> TaskIds(
      std::initializer_list<DemoTask::Fate> fates) const;
  size_t LivingExecutors() const;

  const Options options_;
  LocalAgent& agent_;
  UpdateLedger ledger_;
  std::vector<std::unique_ptr<UpdateWatcher>> watchers_;
  std::vector<ProcessIdentity> processes_;  // executors and shims, all seen
  Observations seen_;
};

}  // namespace holdfast::hack
