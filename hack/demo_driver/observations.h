#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "hack/demo_driver/counter_log.h"
#include "hack/demo_driver/demo_tasks.h"
#include "hack/local_agent/processes.h"
#include "hack/local_agent/update_ledger.h"

namespace holdfast::hack {

// What was seen of one task.
struct TaskObservation {
  DemoTask task;
  std::optional<ProcessIdentity> before;  // the agent's death
  std::optional<ProcessIdentity> after;   // its return
  bool ran_without_agent = false;
  CounterLog counter;
  UpdateLedger::Task updates;
};

// What was seen of the whole run; the verdicts are drawn from nothing else.
struct Observations {
  std::vector<TaskObservation> tasks;
  absl::Time killed_at;
  absl::Time restarted_at;
  absl::Duration recovery;
  // The framework without checkpoint is unknown to the agent that came back.
  bool plain_framework_forgotten = false;
  std::vector<std::string> left_behind;
};

}  // namespace holdfast::hack
