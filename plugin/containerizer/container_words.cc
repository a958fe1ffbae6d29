#include "plugin/containerizer/container_words.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "api/reasons.h"
#include "api/status_states.h"
#include "google/protobuf/unknown_field_set.h"

namespace holdfast {
namespace {

// The first message, from `message` down, that carries a field which this
// build has no name for: "config.command". Empty: none does.
std::string FindUnknownField(const google::protobuf::Message& message,
                             const std::string& path) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const google::protobuf::UnknownFieldSet& unknown =
      reflection.GetUnknownFields(message);
  if (!unknown.empty()) {
    return absl::StrCat("field ", unknown.field(0).number(), " of ", path);
  }
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields) {
    if (field->cpp_type() !=
        google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) {
      continue;
    }
    const std::string below = absl::StrCat(path, ".", field->name());
    const int count =
        field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      const google::protobuf::Message& child =
          field->is_repeated()
              ? reflection.GetRepeatedMessage(message, field, i)
              : reflection.GetMessage(message, field);
      std::string found = FindUnknownField(child, below);
      if (!found.empty()) return found;
    }
  }
  return "";
}

}  // namespace

v1::TaskInfo TaskOf(const std::string& container_id,
                    const v1::ContainerConfig& config) {
  v1::TaskInfo task;
  task.set_task_id(container_id);
  *task.mutable_command() = config.command();
  if (config.has_resources()) *task.mutable_resources() = config.resources();
  if (config.has_kill_policy()) {
    *task.mutable_kill_policy() = config.kill_policy();
  }
  if (config.has_recovery_timeout()) {
    *task.mutable_recovery_timeout() = config.recovery_timeout();
  }
  if (config.has_output()) *task.mutable_output() = config.output();
  *task.mutable_labels() = config.labels();
  return task;
}

std::string WhatIsNotSupported(const v1::ContainerConfig& config) {
  const std::string unknown = FindUnknownField(config, "config");
  if (unknown.empty()) return "";
  return absl::StrCat(unknown, " is not known to this version");
}

void FillUsage(const CgroupUsage& usage, v1::ContainerUsageResponse& response) {
  if (usage.cpu_usec) response.set_cpu_usec(*usage.cpu_usec);
  if (usage.cpu_user_usec) response.set_cpu_user_usec(*usage.cpu_user_usec);
  if (usage.cpu_system_usec) {
    response.set_cpu_system_usec(*usage.cpu_system_usec);
  }
  if (usage.memory_bytes) response.set_memory_bytes(*usage.memory_bytes);
  if (usage.memory_peak_bytes) {
    response.set_memory_peak_bytes(*usage.memory_peak_bytes);
  }
  if (usage.oom_kills) response.set_oom_kills(*usage.oom_kills);
  if (usage.pids) response.set_pids(*usage.pids);
}

v1::ContainerTermination TerminationOf(const v1::TaskStatus& status) {
  v1::ContainerTermination termination;
  if (status.has_exit_code()) termination.set_exit_code(status.exit_code());
  if (status.has_signal()) termination.set_signal(status.signal());
  termination.set_oom_killed(status.oom_killed());
  termination.set_state(status.state());
  termination.set_reason(status.reason());
  termination.set_message(status.message());
  if (status.has_start_time()) {
    *termination.mutable_start_time() = status.start_time();
  }
  *termination.mutable_end_time() =
      status.has_end_time() ? status.end_time() : status.timestamp();
  return termination;
}

v1::RecoverResponse::State StateOf(const ExecutorFacts& facts, bool attached) {
  if (FindEnd(facts) != nullptr) return v1::RecoverResponse::ENDED;
  if (!facts.started) return v1::RecoverResponse::UNKNOWN;
  return attached ? v1::RecoverResponse::RUNNING
                  : v1::RecoverResponse::UNATTACHED;
}

const v1::TaskStatus* FindEnd(const ExecutorFacts& facts) {
  if (facts.tasks.empty() || !facts.tasks.front().IsTerminal()) return nullptr;
  return &facts.tasks.front().updates.back().status();
}

int PidOf(const ExecutorFacts& facts) {
  return facts.started ? facts.started->pid() : 0;
}

absl::Status InOwnersWords(const absl::Status& status, const std::string& owner,
                           const std::string& container_id) {
  if (!absl::IsNotFound(status) || ReasonOf(status) != "TASK_UNKNOWN") {
    return status;
  }
  return WithReason(
      absl::NotFoundError(absl::StrCat("container ", container_id, ": owner ",
                                       owner, " has none of that id")),
      "CONTAINER_UNKNOWN");
}

}  // namespace holdfast
