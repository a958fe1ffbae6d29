#pragma once

#include <optional>
#include <string>

#include "api/records.pb.h"
#include "api/types.pb.h"

namespace holdfast::shim {

// How a task ended, for the orchestrator.
struct Outcome {
  v1::TaskState state = v1::TASK_FAILED;
  v1::TaskStatusReason reason = v1::REASON_UNSPECIFIED;
  std::string message;
};

// The end of a command task. What somebody decided (the fence, a kill) goes
// before how the process took it, as Mesos' command executor has it; the
// kernel's facts stand beside it in the update.
Outcome OutcomeOfCommand(const v1::Exited& exited,
                         const std::optional<v1::KillRequested>& kill,
                         const std::optional<v1::Fenced>& fenced);

// The end of a task whose custom executor ended before it did.
Outcome OutcomeOfOrphan(const v1::Exited& exited,
                        const std::optional<v1::KillRequested>& task_kill,
                        const std::optional<v1::KillRequested>& executor_kill,
                        const std::optional<v1::Fenced>& fenced);

// The end of a task that nobody asked for, while the host went down: the host's
// doing, however the process took it.
Outcome OutcomeOfHostStop(const v1::Exited& exited);

// A custom executor says that it killed a task; why it had to, and how that is
// to be told, is known to whoever asked. What the executor says of its own
// accord stays.
void AttributeToKill(const v1::KillRequested& kill, v1::TaskStatus& status);

// "exited with status 7", "terminated by signal 11 (Segmentation fault)".
std::string Describe(const v1::Exited& exited);

}  // namespace holdfast::shim
