#include "plugin/flags/plugin_flags.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/reflection.h"
#include "absl/flags/usage.h"
#include "absl/flags/usage_config.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/values.h"
#include "base/errors.h"
#include "base/version.h"
#include "plugin/flags/command_line.h"
#include "plugin/flags/definitions.h"
#include "plugin/flags/environment.h"
#include "plugin/flags/host_resources.h"
#include "plugin/flags/paths.h"

namespace holdfast {
namespace {

using Given = std::map<std::string, std::string>;  // flag, value

constexpr char kDefault[] = "default";
constexpr char kDetected[] = "detected";

void DescribeProgram() {
  absl::SetProgramUsageMessage(
      "Holdfast's agent plugin: launches executors that outlive it.\n"
      "The variables that may set a flag stand behind it. A flag goes before "
      "HOLDFAST_<NAME> in the environment, that before MESOS_<NAME>, these "
      "before the same in --env_file, and all before the default.");
  absl::FlagsUsageConfig usage;
  usage.version_string = [] {
    return absl::StrCat("holdfastd ", kVersion, "\n");
  };
  usage.contains_help_flags = [](absl::string_view file) {
    return absl::EndsWith(file, kDefinitionsFile);
  };
  absl::SetFlagsUsageConfig(usage);
}

absl::Status SetFlag(const std::string& flag, const std::string& value,
                     const std::string& said_by) {
  absl::CommandLineFlag* const known = absl::FindCommandLineFlag(flag);
  std::string error;
  if (known->ParseFrom(value, &error)) return absl::OkStatus();
  // absl's own type only repeats the value.
  if (known->IsOfType<bool>()) error = "allowed: true, false";
  return absl::InvalidArgumentError(
      absl::StrCat(said_by, "=", value, ": ", error));
}

// Sets the flag by the strongest who says something of it. Who that is.
absl::StatusOr<std::string> SetFromStrongest(const std::string& flag,
                                             const Given& given,
                                             const Environment& environment) {
  if (const auto found = given.find(flag); found != given.end()) {
    HOLDFAST_RETURN_IF_ERROR(
        SetFlag(flag, found->second, absl::StrCat("--", flag)));
    return "flag";
  }
  if (const std::optional<Setting> setting = environment.Find(flag)) {
    HOLDFAST_RETURN_IF_ERROR(
        SetFlag(flag, setting->value,
                setting->source == setting->variable
                    ? absl::StrCat("environment variable ", setting->variable)
                    : setting->source));
    return setting->source;
  }
  return kDefault;
}

bool AllAreOurs(const Given& given) {
  const std::vector<std::string> ours = FlagNames();
  return std::all_of(given.begin(), given.end(), [&ours](const auto& entry) {
    return std::binary_search(ours.begin(), ours.end(), entry.first);
  });
}

absl::StatusOr<std::string> EnvFile(const Given& given) {
  HOLDFAST_RETURN_IF_ERROR(
      SetFromStrongest("env_file", given, Environment()).status());
  return absl::GetFlag(FLAGS_env_file);
}

std::string KernelHostname() {
  char name[HOST_NAME_MAX + 1] = {};
  gethostname(name, sizeof name - 1);
  return name;
}

absl::StatusOr<PluginFlags> TakeValues() {
  PluginFlags flags;
  HOLDFAST_ASSIGN_OR_RETURN(
      flags.work_dir, AbsolutePath("work_dir", absl::GetFlag(FLAGS_work_dir)));
  HOLDFAST_ASSIGN_OR_RETURN(
      flags.runtime_dir,
      AbsolutePath("runtime_dir", absl::GetFlag(FLAGS_runtime_dir)));
  HOLDFAST_RETURN_IF_ERROR(CheckSocketPath(flags.runtime_dir));
  flags.cgroups_root = absl::GetFlag(FLAGS_cgroups_root);
  flags.shim = absl::GetFlag(FLAGS_shim);
  flags.socket_group = absl::GetFlag(FLAGS_socket_group);
  flags.boot_id_file = absl::GetFlag(FLAGS_boot_id_file);
  flags.metrics_address = absl::GetFlag(FLAGS_metrics_address).value;
  flags.info.set_hostname(absl::GetFlag(FLAGS_hostname));
  *flags.info.mutable_resources() =
      absl::GetFlag(FLAGS_resources).value.resources();
  *flags.info.mutable_attributes() =
      absl::GetFlag(FLAGS_attributes).value.attributes();
  flags.reconfiguration_policy = absl::GetFlag(FLAGS_reconfiguration_policy);
  flags.recover = absl::GetFlag(FLAGS_recover);
  flags.strict = absl::GetFlag(FLAGS_strict);
  flags.orphans = absl::GetFlag(FLAGS_orphans);
  flags.recovery_timeout = absl::GetFlag(FLAGS_recovery_timeout).value;
  flags.executor_reregistration_timeout =
      absl::GetFlag(FLAGS_executor_reregistration_timeout).value;
  flags.executor_shutdown_grace_period =
      absl::GetFlag(FLAGS_executor_shutdown_grace_period).value;
  flags.agent_ping_timeout = absl::GetFlag(FLAGS_agent_ping_timeout).value;
  flags.max_agent_ping_timeouts =
      absl::GetFlag(FLAGS_max_agent_ping_timeouts).value;
  flags.gc_delay = absl::GetFlag(FLAGS_gc_delay).value;
  flags.gc_disk_headroom = absl::GetFlag(FLAGS_gc_disk_headroom).value;
  flags.disk_watch_interval = absl::GetFlag(FLAGS_disk_watch_interval).value;
  return flags;
}

// What is in force where nothing was said.
void TellDetected(const std::string& flag, const std::string& value,
                  PluginFlags& flags) {
  for (v1::Flag& effective : flags.effective) {
    if (effective.name() != flag) continue;
    effective.set_value(value);
    effective.set_source(
        effective.source() == kDefault
            ? kDetected
            : absl::StrCat(effective.source(), ", the rest detected"));
  }
}

}  // namespace

absl::StatusOr<PluginFlags> ParsePluginFlags(int argc, char** argv) {
  DescribeProgram();
  HOLDFAST_ASSIGN_OR_RETURN(const Given given, ReadCommandLine(argc, argv));
  // absl answers --help and --version, and ends the process. It is not asked
  // for more: it knows no sources and no order among them.
  if (!AllAreOurs(given)) absl::ParseCommandLine(argc, argv);
  HOLDFAST_ASSIGN_OR_RETURN(const std::string env_file, EnvFile(given));
  HOLDFAST_ASSIGN_OR_RETURN(const Environment environment,
                            Environment::Read(env_file));
  std::vector<v1::Flag> effective;
  for (const std::string& name : FlagNames()) {
    v1::Flag& flag = effective.emplace_back();
    flag.set_name(name);
    HOLDFAST_ASSIGN_OR_RETURN(std::string source,
                              SetFromStrongest(name, given, environment));
    flag.set_source(std::move(source));
    flag.set_value(absl::FindCommandLineFlag(name)->CurrentValue());
  }
  HOLDFAST_ASSIGN_OR_RETURN(PluginFlags flags, TakeValues());
  flags.effective = std::move(effective);
  flags.ignored = environment.ignored();
  if (flags.shim.empty()) {
    flags.shim = BesideThisProgram("holdfast-shim");
    TellDetected("shim", flags.shim, flags);
  }
  if (flags.info.hostname().empty()) {
    flags.info.set_hostname(KernelHostname());
    TellDetected("hostname", flags.info.hostname(), flags);
  }
  flags.host_resources = DetectResources(flags.info);
  v1::AgentInfo offered = flags.info;
  offered.MergeFrom(flags.host_resources);
  if (offered.resources_size() > flags.info.resources_size()) {
    TellDetected("resources", FormatResources(offered), flags);
  }
  return flags;
}

}  // namespace holdfast
