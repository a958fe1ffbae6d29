#include "plugin/service/task_row.h"

#include "plugin/rows/task_row.h"

namespace holdfast {

v1::Task MakeTaskRow(const Executor& executor, const TaskFacts& task,
                     const Layout& layout) {
  v1::Task row = MakeTaskRow(executor.facts(), task);
  if (executor.state() != ExecutorState::kEnded && !executor.facts().exited) {
    row.set_shim_pid(executor.shim_pid());
  }
  row.set_attached(executor.state() == ExecutorState::kAttached);
  row.set_sandbox(
      layout.Executor(executor.container_id(), executor.checkpoint()));
  row.set_checkpoint(executor.checkpoint());
  row.set_condition(executor.condition());
  return row;
}

}  // namespace holdfast
