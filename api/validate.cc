#include "api/validate.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "api/ids.h"
#include "api/time_convert.h"
#include "base/errors.h"

namespace holdfast {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;

template <typename A, typename B>
absl::Status AtMost(absl::string_view field, const A& value, const B& most,
                    absl::string_view unit) {
  if (static_cast<uint64_t>(value) <= static_cast<uint64_t>(most)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      field, " has ", value, " ", unit, "; at most ", most, " are allowed"));
}

absl::Status Invalid(absl::string_view field, absl::string_view rule) {
  return absl::InvalidArgumentError(absl::StrCat(field, " ", rule));
}

bool HasNul(absl::string_view text) {
  return text.find('\0') != absl::string_view::npos;
}

absl::Status ValidateDuration(absl::string_view field,
                              const google::protobuf::Duration& duration) {
  if (FromProto(duration) < absl::ZeroDuration()) {
    return Invalid(field, "must not be negative");
  }
  return absl::OkStatus();
}

absl::Status ValidateLabels(
    const google::protobuf::RepeatedPtrField<v1::Label>& labels) {
  HOLDFAST_RETURN_IF_ERROR(AtMost("labels", labels.size(), 64, "entries"));
  for (const v1::Label& label : labels) {
    HOLDFAST_RETURN_IF_ERROR(
        AtMost("label key", label.key().size(), kKiB, "bytes"));
    HOLDFAST_RETURN_IF_ERROR(
        AtMost("label value", label.value().size(), 4 * kKiB, "bytes"));
  }
  return absl::OkStatus();
}

absl::Status ValidateEnvironment(const v1::Environment& environment) {
  HOLDFAST_RETURN_IF_ERROR(
      AtMost("environment", environment.variables_size(), 4096, "variables"));
  size_t bytes = 0;
  for (const auto& variable : environment.variables()) {
    bytes += variable.name().size() + variable.value().size();
    HOLDFAST_RETURN_IF_ERROR(AtMost("environment variable name",
                                    variable.name().size(), kKiB, "bytes"));
    if (variable.name().empty()) {
      return Invalid("environment", "has a variable without a name");
    }
    if (variable.name().find('=') != std::string::npos ||
        HasNul(variable.name()) || HasNul(variable.value())) {
      return Invalid(absl::StrCat("environment variable ", variable.name()),
                     "must have no \"=\" in its name and no NUL");
    }
  }
  return AtMost("environment", bytes, kMiB, "bytes");
}

absl::Status ValidateCommand(const v1::CommandInfo& command) {
  if (command.value().empty()) return Invalid("command", "must not be empty");
  HOLDFAST_RETURN_IF_ERROR(
      AtMost("command", command.value().size(), 128 * kKiB, "bytes"));
  HOLDFAST_RETURN_IF_ERROR(
      AtMost("arguments", command.arguments_size(), 4096, "entries"));
  size_t bytes = 0;
  bool has_nul = HasNul(command.value());
  for (const std::string& argument : command.arguments()) {
    bytes += argument.size();
    has_nul |= HasNul(argument);
  }
  if (has_nul) return Invalid("command", "must not contain NUL");
  HOLDFAST_RETURN_IF_ERROR(AtMost("arguments", bytes, kMiB, "bytes"));
  if (command.shell() && command.arguments_size() > 0) {
    return Invalid("command", "is a shell line and takes no arguments");
  }
  HOLDFAST_RETURN_IF_ERROR(AtMost("user", command.user().size(), 256, "bytes"));
  const std::string& directory = command.working_directory();
  if (!directory.empty() && (directory[0] != '/' || HasNul(directory))) {
    return Invalid(absl::StrCat("working_directory \"", directory, "\""),
                   "must be an absolute path");
  }
  HOLDFAST_RETURN_IF_ERROR(
      AtMost("rlimits", command.rlimits_size(), 32, "entries"));
  return ValidateEnvironment(command.environment());
}

absl::Status ValidateOutput(const v1::OutputPolicy& output) {
  if (output.max_file_bytes() != 0 && output.max_file_bytes() < 4 * kKiB) {
    return Invalid(
        absl::StrCat("output.max_file_bytes ", output.max_file_bytes()),
        "must be at least 4096");
  }
  return AtMost("output.max_files", output.max_files(), 1000, "files");
}

absl::Status ValidateExecutor(const v1::ExecutorInfo& executor) {
  HOLDFAST_RETURN_IF_ERROR(ValidateId("executor_id", executor.executor_id()));
  HOLDFAST_RETURN_IF_ERROR(
      AtMost("executor name", executor.name().size(), kKiB, "bytes"));
  HOLDFAST_RETURN_IF_ERROR(ValidateCommand(executor.command()));
  HOLDFAST_RETURN_IF_ERROR(ValidateResources(executor.resources()));
  HOLDFAST_RETURN_IF_ERROR(ValidateDuration("shutdown_grace_period",
                                            executor.shutdown_grace_period()));
  HOLDFAST_RETURN_IF_ERROR(
      ValidateDuration("recovery_timeout", executor.recovery_timeout()));
  return ValidateOutput(executor.output());
}

}  // namespace

absl::Status ValidateResources(const v1::Resources& resources) {
  // Written so that a NaN is refused as well.
  if (resources.has_cpus() &&
      !(resources.cpus() >= 0.01 && resources.cpus() <= 4096)) {
    return Invalid(absl::StrCat("resources.cpus ", resources.cpus()),
                   "must be between 0.01 and 4096");
  }
  if (resources.has_memory_bytes() && resources.memory_bytes() < 4 * kMiB) {
    return Invalid(
        absl::StrCat("resources.memory_bytes ", resources.memory_bytes()),
        "must be at least 4194304 (4 MiB)");
  }
  if (resources.has_pids() && resources.pids() < 1) {
    return Invalid("resources.pids", "must be at least 1");
  }
  return absl::OkStatus();
}

absl::Status ValidateFramework(const v1::FrameworkInfo& framework) {
  HOLDFAST_RETURN_IF_ERROR(
      ValidateId("framework_id", framework.framework_id()));
  HOLDFAST_RETURN_IF_ERROR(
      AtMost("framework name", framework.name().size(), kKiB, "bytes"));
  HOLDFAST_RETURN_IF_ERROR(
      ValidateDuration("failover_timeout", framework.failover_timeout()));
  if (framework.has_failover_timeout() &&
      framework.implicit_acknowledgement()) {
    return Invalid("failover_timeout",
                   "must not be set together with implicit_acknowledgement");
  }
  HOLDFAST_RETURN_IF_ERROR(
      AtMost("capabilities", framework.capabilities_size(), 64, "entries"));
  return ValidateLabels(framework.labels());
}

absl::Status ValidateTask(const v1::TaskInfo& task) {
  HOLDFAST_RETURN_IF_ERROR(ValidateId("task_id", task.task_id()));
  HOLDFAST_RETURN_IF_ERROR(
      AtMost("task name", task.name().size(), kKiB, "bytes"));
  switch (task.what_case()) {
    case v1::TaskInfo::kCommand:
      HOLDFAST_RETURN_IF_ERROR(ValidateCommand(task.command()));
      break;
    case v1::TaskInfo::kExecutor:
      HOLDFAST_RETURN_IF_ERROR(ValidateExecutor(task.executor()));
      break;
    case v1::TaskInfo::WHAT_NOT_SET:
      return Invalid(absl::StrCat("task ", task.task_id()),
                     "must have a command or an executor");
  }
  HOLDFAST_RETURN_IF_ERROR(ValidateResources(task.resources()));
  HOLDFAST_RETURN_IF_ERROR(ValidateDuration("kill_policy.grace_period",
                                            task.kill_policy().grace_period()));
  HOLDFAST_RETURN_IF_ERROR(
      ValidateDuration("recovery_timeout", task.recovery_timeout()));
  HOLDFAST_RETURN_IF_ERROR(ValidateOutput(task.output()));
  HOLDFAST_RETURN_IF_ERROR(ValidateLabels(task.labels()));
  return AtMost("data", task.data().size(), kMiB, "bytes");
}

}  // namespace holdfast
