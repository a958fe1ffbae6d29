#include "plugin/launch/intent_builder.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "base/unix_socket.h"
#include "plugin/launch/file_limit.h"
#include "plugin/launch/user_lookup.h"

namespace holdfast {
namespace {

constexpr char kDefaultPath[] =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr uint64_t kDefaultFileBytes = 16 * 1024 * 1024;
constexpr uint32_t kDefaultFiles = 8;

const v1::CommandInfo& CommandOf(const v1::TaskInfo& task) {
  return task.has_executor() ? task.executor().command() : task.command();
}

void SetArgv(const v1::CommandInfo& command, v1::LaunchSpec& spec) {
  if (command.shell()) {
    for (const char* word : {"/bin/sh", "-c"}) spec.add_argv(word);
    spec.add_argv(command.value());
    return;
  }
  spec.add_argv(command.value());
  for (const std::string& argument : command.arguments()) {
    spec.add_argv(argument);
  }
}

absl::Duration RecoveryTimeoutOf(const LaunchRequest& request) {
  const v1::TaskInfo& task = request.task;
  if (task.has_executor()) {
    return task.executor().has_recovery_timeout()
               ? FromProto(task.executor().recovery_timeout())
               : request.recovery_timeout;
  }
  return task.has_recovery_timeout() ? FromProto(task.recovery_timeout())
                                     : request.recovery_timeout;
}

void SetEnvironment(const LaunchRequest& request, const Layout& layout,
                    const std::string& executor_id, v1::LaunchSpec& spec) {
  const v1::CommandInfo& command = CommandOf(request.task);
  bool has_path = false;
  for (const auto& variable : command.environment().variables()) {
    has_path |= variable.name() == "PATH";
    spec.add_environment(absl::StrCat(variable.name(), "=", variable.value()));
  }
  if (!has_path) spec.add_environment(absl::StrCat("PATH=", kDefaultPath));
  const auto add = [&](absl::string_view name, absl::string_view value) {
    spec.add_environment(absl::StrCat("HOLDFAST_", name, "=", value));
  };
  add("AGENT_ID", request.agent_id);
  add("FRAMEWORK_ID", request.framework.framework_id());
  add("EXECUTOR_ID", executor_id);
  add("CONTAINER_ID", request.container_id);
  add("SANDBOX",
      layout.Sandbox(request.container_id, request.framework.checkpoint()));
  if (spec.custom()) {
    add("EXECUTOR_ENDPOINT",
        absl::StrCat("unix:", layout.ExecutorSocket(request.container_id)));
    add("RECOVERY_TIMEOUT",
        absl::StrCat(absl::ToDoubleSeconds(RecoveryTimeoutOf(request))));
  } else {
    add("TASK_ID", request.task.task_id());
  }
}

std::string PathOf(const v1::LaunchSpec& spec) {
  for (const std::string& variable : spec.environment()) {
    if (absl::StartsWith(variable, "PATH=")) return variable.substr(5);
  }
  return "";
}

void SetSearchPath(v1::LaunchSpec& spec) {
  const std::string& program = spec.argv(0);
  if (absl::StrContains(program, '/')) {
    spec.add_search_path(program);
    return;
  }
  const std::string path = PathOf(spec);
  for (const absl::string_view directory : absl::StrSplit(path, ':')) {
    spec.add_search_path(
        absl::StrCat(directory.empty() ? "." : directory, "/", program));
  }
}

absl::StatusOr<int> LimitByName(const std::string& name) {
  static constexpr std::array<std::pair<const char*, int>, 16> kLimits = {{
      {"AS", RLIMIT_AS},
      {"CORE", RLIMIT_CORE},
      {"CPU", RLIMIT_CPU},
      {"DATA", RLIMIT_DATA},
      {"FSIZE", RLIMIT_FSIZE},
      {"LOCKS", RLIMIT_LOCKS},
      {"MEMLOCK", RLIMIT_MEMLOCK},
      {"MSGQUEUE", RLIMIT_MSGQUEUE},
      {"NICE", RLIMIT_NICE},
      {"NOFILE", RLIMIT_NOFILE},
      {"NPROC", RLIMIT_NPROC},
      {"RSS", RLIMIT_RSS},
      {"RTPRIO", RLIMIT_RTPRIO},
      {"RTTIME", RLIMIT_RTTIME},
      {"SIGPENDING", RLIMIT_SIGPENDING},
      {"STACK", RLIMIT_STACK},
  }};
  for (const auto& [known, resource] : kLimits) {
    if (name == known) return resource;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "rlimit \"", name,
      "\": not a resource of setrlimit(2); write it as in \"NOFILE\""));
}

absl::Status SetLimits(const v1::CommandInfo& command, v1::LaunchSpec& spec) {
  constexpr uint64_t kUnlimited = ~uint64_t{0};
  for (const v1::RLimit& asked : command.rlimits()) {
    HOLDFAST_ASSIGN_OR_RETURN(const int resource, LimitByName(asked.type()));
    v1::LaunchSpec::Limit& limit = *spec.add_limits();
    limit.set_resource(resource);
    const bool unlimited = !asked.has_soft() && !asked.has_hard();
    limit.set_soft(unlimited          ? kUnlimited
                   : asked.has_soft() ? asked.soft()
                                      : asked.hard());
    limit.set_hard(unlimited          ? kUnlimited
                   : asked.has_hard() ? asked.hard()
                                      : asked.soft());
  }
  return absl::OkStatus();
}

// The agent's own soft limit is raised; executors get the one it came with.
void AddFileLimit(v1::LaunchSpec& spec) {
  for (const v1::LaunchSpec::Limit& limit : spec.limits()) {
    if (limit.resource() == RLIMIT_NOFILE) return;
  }
  const std::optional<rlimit> original = OriginalFileLimit();
  if (!original) return;
  v1::LaunchSpec::Limit& limit = *spec.add_limits();
  limit.set_resource(RLIMIT_NOFILE);
  limit.set_soft(original->rlim_cur);
  limit.set_hard(original->rlim_max);
}

absl::Status SetUser(const v1::CommandInfo& command, v1::LaunchSpec& spec) {
  if (command.user().empty()) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(const ResolvedUser user,
                            LookUpUser(command.user()));
  spec.set_change_user(true);
  spec.set_uid(user.uid);
  spec.set_gid(user.gid);
  spec.mutable_groups()->Add(user.groups.begin(), user.groups.end());
  bool has_home = false;
  for (const auto& variable : command.environment().variables()) {
    has_home |= variable.name() == "HOME";
  }
  if (!has_home && !user.home.empty()) {
    spec.add_environment(absl::StrCat("HOME=", user.home));
  }
  return absl::OkStatus();
}

void SetOutput(const LaunchRequest& request, const Layout& layout,
               v1::LaunchSpec& spec) {
  const v1::OutputPolicy& asked = request.task.has_executor()
                                      ? request.task.executor().output()
                                      : request.task.output();
  spec.set_output_directory(
      layout.Executor(request.container_id, request.framework.checkpoint()));
  spec.mutable_output()->set_max_file_bytes(
      asked.max_file_bytes() != 0 ? asked.max_file_bytes() : kDefaultFileBytes);
  spec.mutable_output()->set_max_files(
      asked.max_files() != 0 ? asked.max_files() : kDefaultFiles);
}

absl::Duration GraceOf(const LaunchRequest& request) {
  const v1::TaskInfo& task = request.task;
  if (task.has_executor() && task.executor().has_shutdown_grace_period()) {
    return FromProto(task.executor().shutdown_grace_period());
  }
  return request.grace_period;
}

}  // namespace

std::string ExecutorIdOf(const v1::TaskInfo& task) {
  return task.has_executor() ? task.executor().executor_id() : task.task_id();
}

CgroupLimits LimitsOf(const v1::TaskInfo& task) {
  return LimitsOf(task.has_executor() ? task.executor().resources()
                                      : task.resources());
}

CgroupLimits LimitsOf(const v1::Resources& resources) {
  CgroupLimits limits;
  if (resources.has_cpus()) limits.cpus = resources.cpus();
  if (resources.has_memory_bytes()) {
    limits.memory_bytes = resources.memory_bytes();
  }
  if (resources.has_pids()) limits.pids = resources.pids();
  return limits;
}

absl::StatusOr<v1::Intent> BuildIntent(const LaunchRequest& request,
                                       const Layout& layout) {
  v1::Intent intent;
  intent.set_container_id(request.container_id);
  intent.set_agent_id(request.agent_id);
  intent.set_framework_id(request.framework.framework_id());
  intent.set_executor_id(ExecutorIdOf(request.task));
  intent.set_checkpoint(request.framework.checkpoint());
  const absl::Duration recovery_timeout = RecoveryTimeoutOf(request);
  if (recovery_timeout != absl::InfiniteDuration()) {
    *intent.mutable_recovery_timeout() = ToProto(recovery_timeout);
  }
  *intent.mutable_task() = request.task;
  intent.set_boot_id(request.boot_id);
  *intent.mutable_time() = ToProto(request.time);
  for (const int capability : request.framework.capabilities()) {
    if (capability == v1::FrameworkInfo::TASK_KILLING_STATE) {
      intent.set_task_killing_state(true);
    }
  }
  v1::LaunchSpec& spec = *intent.mutable_launch();
  const v1::CommandInfo& command = CommandOf(request.task);
  const std::string endpoint = layout.ExecutorSocket(request.container_id);
  if (request.task.has_executor() && endpoint.size() > kMaxSocketPath) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the executor's socket ", endpoint, " has a path of ", endpoint.size(),
        " bytes, and a unix socket's may have ", kMaxSocketPath,
        "; start holdfastd with a shorter --runtime_dir"));
  }
  spec.set_custom(request.task.has_executor());
  SetArgv(command, spec);
  SetEnvironment(request, layout, intent.executor_id(), spec);
  SetSearchPath(spec);
  HOLDFAST_RETURN_IF_ERROR(SetLimits(command, spec));
  AddFileLimit(spec);
  HOLDFAST_RETURN_IF_ERROR(SetUser(command, spec));
  spec.set_working_directory(
      command.working_directory().empty()
          ? layout.Sandbox(request.container_id, intent.checkpoint())
          : command.working_directory());
  *spec.mutable_grace_period() = ToProto(GraceOf(request));
  SetOutput(request, layout, spec);
  return intent;
}

void AddGroups(const ContainerGroups& groups, v1::LaunchSpec& spec) {
  spec.set_cgroup_directory(groups.cgroup_directory);
  spec.set_freezer_directory(groups.freezer_directory);
  spec.mutable_join_files()->Add(groups.join_files.begin(),
                                 groups.join_files.end());
  spec.set_oom_file(groups.oom_file);
}

}  // namespace holdfast
