#include "shim/service/task_update.h"

#include <utility>

#include "api/time_convert.h"

namespace holdfast::shim {

v1::StatusUpdate MakeTaskUpdate(const v1::TaskInfo& task, v1::TaskState state,
                                v1::TaskStatusReason reason,
                                std::string message, absl::Time now) {
  v1::StatusUpdate update;
  v1::TaskStatus& status = *update.mutable_status();
  status.set_task_id(task.task_id());
  status.set_state(state);
  status.set_reason(reason);
  status.set_source(v1::SOURCE_EXECUTOR);
  status.set_message(std::move(message));
  *status.mutable_timestamp() = ToProto(now);
  return update;
}

void FillEnd(const v1::Exited& exited, v1::TaskStatus& status) {
  if (exited.has_exit_code()) status.set_exit_code(exited.exit_code());
  if (exited.has_signal()) status.set_signal(exited.signal());
  status.set_oom_killed(exited.oom_killed());
}

}  // namespace holdfast::shim
