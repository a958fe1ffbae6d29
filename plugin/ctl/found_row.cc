#include "plugin/ctl/found_row.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/boot_id.h"
#include "base/errors.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "plugin/rows/task_row.h"
#include "plugin/rows/timeline.h"

namespace holdfast::ctl {
namespace {

// process.args of the bundle's config.json, while that is there.
void FillCommand(const std::string& bundle, v1::Task& row) {
  const auto text = ReadSmallFile(absl::StrCat(bundle, "/config.json"));
  google::protobuf::Struct config;
  if (!text.ok() ||
      !google::protobuf::util::JsonStringToMessage(*text, &config).ok()) {
    return;
  }
  const auto process = config.fields().find("process");
  if (process == config.fields().end()) return;
  const auto& fields = process->second.struct_value().fields();
  const auto args = fields.find("args");
  if (args == fields.end()) return;
  for (const auto& arg : args->second.list_value().values()) {
    row.add_command(arg.string_value());
  }
}

v1::Task RowWithoutJournal(const FoundTask& task) {
  v1::Task row;
  row.set_task_id(task.id);
  row.set_framework_id(task.name_space);
  row.set_executor_id(task.id);
  row.set_container_id(task.id);
  row.set_checkpoint(true);
  row.set_state(v1::TASK_UNKNOWN);
  row.set_condition(std::string(task.facts.status().message()));
  return row;
}

bool IsOfAnotherBoot(const ExecutorFacts& facts) {
  const absl::StatusOr<std::string> boot_id = ReadBootId();
  const std::string& then =
      facts.started ? facts.started->boot_id() : facts.intent.boot_id();
  return boot_id.ok() && !then.empty() && then != *boot_id;
}

// Of one that has not ended by its journal.
void FillCondition(const FoundTask& task, v1::Task& row) {
  const bool started = task.facts->started.has_value();
  if (task.shim_pid != 0) {
    row.set_condition(!started ? "it has no process yet"
                      : row.state() == v1::TASK_STAGING
                          ? "created, not yet started"
                          : "");
    return;
  }
  if (task.lives) {
    row.set_condition("its shim has died; its processes go on");
    return;
  }
  row.set_state(v1::TASK_FAILED);
  if (IsOfAnotherBoot(*task.facts)) {
    row.set_reason(v1::REASON_AGENT_REBOOTED);
    row.set_condition("the host was rebooted");
  } else {
    row.set_reason(v1::REASON_SHIM_DIED);
    row.set_condition(started ? "its shim has died, and its process has "
                                "ended: nobody knows how"
                              : "its shim died before it had a process");
  }
}

}  // namespace

v1::Task MakeRow(const FoundTask& task) {
  v1::Task row = task.facts.ok()
                     ? MakeTaskRow(*task.facts, task.facts->tasks.front())
                     : RowWithoutJournal(task);
  row.set_agent(task.agent);
  row.set_sandbox(task.directory);
  row.set_shim_pid(task.shim_pid);
  if (!task.facts.ok()) return row;
  if (!task.lives) row.clear_pid();
  row.set_unacknowledged_updates(0);  // containerd acknowledges none
  FillCommand(task.facts->intent.containerd().bundle(), row);
  if (!task.facts->exited) FillCondition(task, row);
  return row;
}

absl::StatusOr<v1::GetTaskResponse> Describe(const FoundTask& task) {
  HOLDFAST_RETURN_IF_ERROR(task.facts.status());
  v1::GetTaskResponse response;
  *response.mutable_task() = MakeRow(task);
  const TaskFacts& told = task.facts->tasks.front();
  response.mutable_updates()->Add(told.updates.begin(), told.updates.end());
  *response.mutable_info() = told.info;
  *response.mutable_containerd() = task.facts->intent.containerd();
  return response;
}

absl::StatusOr<v1::GetTimelineResponse> MakeTimeline(const FoundTask& task) {
  HOLDFAST_RETURN_IF_ERROR(task.facts.status());
  v1::GetTimelineResponse response;
  const std::vector<v1::TimelineEvent> events = MakeTimeline(
      *task.facts, task.facts->tasks.front(), [](const v1::StatusUpdate&) {
        return absl::InfinitePast();  // it is sent events instead
      });
  response.mutable_events()->Add(events.begin(), events.end());
  return response;
}

}  // namespace holdfast::ctl
