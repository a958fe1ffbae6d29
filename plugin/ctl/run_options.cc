#include "plugin/ctl/run_options.h"

#include <stdlib.h>

#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "api/ids.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "base/parse.h"
#include "base/uuid.h"
#include "plugin/ctl/failure.h"

namespace holdfast::ctl {
namespace {

constexpr char kCheckpointing[] = "holdfastctl";
constexpr char kNotCheckpointing[] = "holdfastctl-nocheckpoint";

// "K=V", or "K" for our own value of it, where we have one.
absl::Status TakeVariable(absl::string_view text, v1::Environment& into) {
  const size_t equals = text.find('=');
  const std::string name(text.substr(0, equals));
  if (name.empty()) {
    return UsageError(absl::StrCat("\"", text, "\" is not NAME=VALUE"));
  }
  std::string value;
  if (equals != absl::string_view::npos) {
    value = std::string(text.substr(equals + 1));
  } else if (const char* own = getenv(name.c_str())) {
    value = own;
  } else {
    return absl::OkStatus();
  }
  v1::Environment::Variable& variable = *into.add_variables();
  variable.set_name(name);
  variable.set_value(value);
  return absl::OkStatus();
}

absl::Status TakeCpus(absl::string_view text, v1::Resources& into) {
  double cpus = 0;
  if (!absl::SimpleAtod(text, &cpus) || !(cpus > 0)) {
    return UsageError(absl::StrCat("\"", text, "\" is no number of CPUs"));
  }
  into.set_cpus(cpus);
  return absl::OkStatus();
}

absl::Status TakeMemory(absl::string_view text, v1::Resources& into) {
  HOLDFAST_ASSIGN_OR_RETURN(const uint64_t bytes, ParseBytes(text));
  into.set_memory_bytes(bytes);
  return absl::OkStatus();
}

absl::Status TakePids(absl::string_view text, v1::Resources& into) {
  uint64_t pids = 0;
  if (!absl::SimpleAtoi(text, &pids) || pids == 0) {
    return UsageError(absl::StrCat("\"", text, "\" is no number of processes"));
  }
  into.set_pids(pids);
  return absl::OkStatus();
}

// Written straight into the task, as they come.
struct TaskOptions {
  v1::TaskInfo& task;
  v1::CommandInfo& command = *task.mutable_command();
  bool nocheckpoint = false;
  std::optional<absl::Duration> recovery_timeout = std::nullopt;
  std::optional<absl::Duration> grace = std::nullopt;

  void AddTo(OptionParser& parser) {
    parser.AddText(0, "id", task.mutable_task_id());
    parser.AddText(0, "name", task.mutable_name());
    parser.AddFlag(0, "nocheckpoint", &nocheckpoint);
    parser.Add('e', "env", [this](absl::string_view text) {
      return TakeVariable(text, *command.mutable_environment());
    });
    parser.AddText('u', "user", command.mutable_user());
    parser.AddText('w', "cwd", command.mutable_working_directory());
    parser.Add(0, "cpus", [this](absl::string_view text) {
      return TakeCpus(text, *task.mutable_resources());
    });
    parser.Add('m', "memory", [this](absl::string_view text) {
      return TakeMemory(text, *task.mutable_resources());
    });
    parser.Add(0, "pids", [this](absl::string_view text) {
      return TakePids(text, *task.mutable_resources());
    });
    parser.AddDuration(0, "recovery_timeout", &recovery_timeout);
    parser.AddDuration(0, "grace", &grace);
  }
};

v1::RegisterFrameworkRequest Framework(bool checkpoint) {
  v1::RegisterFrameworkRequest request;
  v1::FrameworkInfo& framework = *request.mutable_framework();
  framework.set_framework_id(checkpoint ? kCheckpointing : kNotCheckpointing);
  framework.set_name(framework.framework_id());
  framework.set_checkpoint(checkpoint);
  framework.set_implicit_acknowledgement(true);
  return request;
}

absl::Status SetIds(const std::string& program, v1::TaskInfo& task) {
  if (task.task_id().empty()) {
    task.set_task_id(absl::StrCat("run-", RandomUuid().substr(0, 8)));
  }
  if (task.name().empty()) {
    task.set_name(program.substr(program.rfind('/') + 1));
  }
  const absl::Status valid = ValidateId("--id", task.task_id());
  return valid.ok() ? valid : UsageError(valid.message());
}

}  // namespace

absl::StatusOr<RunRequest> ParseRun(Invocation& invocation) {
  RunRequest run;
  v1::TaskInfo& task = *run.launch.mutable_task();
  TaskOptions options{task};
  OptionParser parser(invocation.globals);
  parser.AddFlag('d', "detach", &run.detach);
  options.AddTo(parser);
  HOLDFAST_ASSIGN_OR_RETURN(
      std::vector<std::string> argv,
      parser.ParseUpToOperand(invocation.argc, invocation.argv));
  if (argv.empty() || argv.front().empty()) {
    return UsageError("needs a command to run");
  }
  HOLDFAST_RETURN_IF_ERROR(SetIds(argv.front(), task));

  options.command.set_value(argv.front());
  options.command.mutable_arguments()->Assign(argv.begin() + 1, argv.end());
  if (options.recovery_timeout) {
    *task.mutable_recovery_timeout() = ToProto(*options.recovery_timeout);
  }
  if (options.grace) {
    *task.mutable_kill_policy()->mutable_grace_period() =
        ToProto(*options.grace);
  }
  run.framework = Framework(!options.nocheckpoint);
  run.launch.set_framework_id(run.framework.framework().framework_id());
  return run;
}

}  // namespace holdfast::ctl
