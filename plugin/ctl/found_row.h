#pragma once

#include "api/orchestrator.pb.h"
#include "plugin/ctl/found_tasks.h"

namespace holdfast::ctl {

// The row of `ps`, from the journal and from what lives. One that nobody ends
// properly any more (its shim died, or the host went down) is shown as ended
// where its process is gone, and its condition says so; so does that of one
// whose journal cannot be read, which is TASK_UNKNOWN.
v1::Task MakeRow(const FoundTask& task);

// All that `inspect` shows. An error: the journal cannot be read.
absl::StatusOr<v1::GetTaskResponse> Describe(const FoundTask& task);
// What `timeline` shows; the same error.
absl::StatusOr<v1::GetTimelineResponse> MakeTimeline(const FoundTask& task);

}  // namespace holdfast::ctl
