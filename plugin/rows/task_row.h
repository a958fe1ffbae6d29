#pragma once

#include "api/orchestrator.pb.h"
#include "shim/bundle/executor_facts.h"

namespace holdfast {

// A task as people and orchestrators see it, as far as the journal of its
// executor says; `task` is one of `facts`. What else there is to know (the
// shim, the link to it, where the output is) is the caller's to add, and to
// take `pid` away where that process is gone.
v1::Task MakeTaskRow(const ExecutorFacts& facts, const TaskFacts& task);

// What its executor's cgroup is to enforce by now.
const v1::Resources& LimitsInForce(const ExecutorFacts& facts);

}  // namespace holdfast
