#pragma once

#include <functional>
#include <vector>

#include "absl/time/time.h"
#include "api/orchestrator.pb.h"
#include "shim/bundle/executor_facts.h"

namespace holdfast {

// What happened to `task` and its executor, by time, as far as the executor's
// facts have kept it. `delivered_at` is for what no journal has: when an update
// was first sent; InfinitePast: it was not, or another life of the agent knew.
std::vector<v1::TimelineEvent> MakeTimeline(
    const ExecutorFacts& facts, const TaskFacts& task,
    const std::function<absl::Time(const v1::StatusUpdate&)>& delivered_at);

}  // namespace holdfast
