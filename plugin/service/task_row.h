#pragma once

#include "api/orchestrator.pb.h"
#include "plugin/service/executor.h"

namespace holdfast {

// A task as people and orchestrators see it: what its executor's journal says
// (plugin/rows/task_row.h), and how the agent holds its shim. `task` is one of
// the executor's.
v1::Task MakeTaskRow(const Executor& executor, const TaskFacts& task,
                     const Layout& layout);

}  // namespace holdfast
