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

}  // namespace holdfast::shim
