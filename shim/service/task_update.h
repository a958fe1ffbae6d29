#pragma once

#include <string>

#include "absl/time/time.h"
#include "api/types.pb.h"

namespace holdfast::shim {

// What the shim itself has to say of a task; its ids, its uuid and its sequence
// come with ExecutorJournal::Complete.
v1::StatusUpdate MakeTaskUpdate(const v1::TaskInfo& task, v1::TaskState state,
                                v1::TaskStatusReason reason,
                                std::string message, absl::Time now);

}  // namespace holdfast::shim
