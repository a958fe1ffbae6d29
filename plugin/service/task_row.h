#pragma once

#include <string>

#include "api/orchestrator.pb.h"
#include "plugin/service/executor.h"

namespace holdfast {

// A task as people and orchestrators see it, from what its executor's journal
// says. `task` is one of the executor's.
v1::Task MakeTaskRow(const Executor& executor, const TaskFacts& task,
                     const Layout& layout);

// What its executor's cgroup is to enforce by now.
const v1::Resources& LimitsInForce(const ExecutorFacts& facts);

}  // namespace holdfast
