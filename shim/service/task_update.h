#pragma once

#include <string>

#include "absl/time/time.h"
#include "api/records.pb.h"
#include "api/types.pb.h"

namespace holdfast::shim {

// What the shim itself has to say of a task; its ids, its uuid and its sequence
// come with ExecutorJournal::Complete.
v1::StatusUpdate MakeTaskUpdate(const v1::TaskInfo& task, v1::TaskState state,
                                v1::TaskStatusReason reason,
                                std::string message, absl::Time now);

// The kernel's facts of the end of a task that is a process.
void FillEnd(const v1::Exited& exited, v1::TaskStatus& status);

}  // namespace holdfast::shim
