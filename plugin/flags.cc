#include "plugin/flags.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/reflection.h"
#include "absl/flags/usage.h"
#include "absl/flags/usage_config.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errors.h"
#include "base/parse.h"
#include "base/unix_socket.h"
#include "base/version.h"

namespace holdfast {

// Durations as Mesos writes them: 15mins, 75secs, 500ms; and 15m, 1h30m.
struct DurationFlag {
  absl::Duration value;
};

bool AbslParseFlag(absl::string_view text, DurationFlag* flag,
                   std::string* error) {
  const absl::StatusOr<absl::Duration> duration =
      ParseDuration(std::string(text));
  if (!duration.ok()) {
    *error = std::string(duration.status().message());
    return false;
  }
  flag->value = *duration;
  return true;
}

std::string AbslUnparseFlag(const DurationFlag& flag) {
  return absl::FormatDuration(flag.value);
}

}  // namespace holdfast

using holdfast::DurationFlag;

ABSL_FLAG(std::string, work_dir, "/var/lib/holdfast",
          "What survives a reboot: the checkpoint, executors' journals and "
          "output. One plugin a directory.");
ABSL_FLAG(std::string, runtime_dir, "/run/holdfast",
          "What does not: sockets, and all of frameworks with "
          "checkpoint=false. The API is served on holdfastd.sock in it.");
ABSL_FLAG(std::string, cgroups_root, "holdfast",
          "Where executors' cgroups are made, relative to the cgroup mounts; "
          "under systemd a delegated slice, outside the plugin's own unit.");
ABSL_FLAG(std::string, shim, "",
          "The holdfast-shim program. Empty: the one beside this program.");
ABSL_FLAG(std::string, hostname, "",
          "The agent's name for orchestrators. Empty: the kernel's.");
ABSL_FLAG(std::string, socket_group, "holdfast",
          "Whose members may use the API, if there is such a group.");
ABSL_FLAG(bool, strict, true,
          "A damaged checkpoint is fatal: nothing is touched, all damage is "
          "listed, exit code 65. If false, a damaged executor's files are "
          "moved aside, its processes left alone, and the rest recovers.");
ABSL_FLAG(DurationFlag, recovery_timeout, {absl::Minutes(15)},
          "How long an executor's shim waits for the plugin to attach again "
          "before it ends the executor, where its launch does not say.");
ABSL_FLAG(DurationFlag, executor_shutdown_grace_period, {absl::Seconds(5)},
          "Between SIGTERM and SIGKILL, where the task does not say.");

namespace holdfast {
namespace {

constexpr const char* kFlags[] = {
    "work_dir", "runtime_dir",      "cgroups_root",
    "shim",     "hostname",         "socket_group",
    "strict",   "recovery_timeout", "executor_shutdown_grace_period"};
constexpr const char* kMesosFlags[] = {
    "work_dir", "runtime_dir",      "hostname",
    "strict",   "recovery_timeout", "executor_shutdown_grace_period"};

// The variables that may set a flag, the stronger one first.
std::vector<std::string> VariablesOf(const std::string& name) {
  const std::string upper = absl::AsciiStrToUpper(name);
  std::vector<std::string> variables = {absl::StrCat("HOLDFAST_", upper)};
  if (std::find(std::begin(kMesosFlags), std::end(kMesosFlags), name) !=
      std::end(kMesosFlags)) {
    variables.push_back(absl::StrCat("MESOS_", upper));
  }
  return variables;
}

// The variable that set it, or "default".
absl::StatusOr<std::string> SetFromEnvironment(const std::string& name) {
  for (const std::string& variable : VariablesOf(name)) {
    const char* value = getenv(variable.c_str());
    if (value == nullptr) continue;
    std::string error;
    if (!absl::FindCommandLineFlag(name)->ParseFrom(value, &error)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "environment variable ", variable, "=", value, ": ", error));
    }
    return variable;
  }
  return "default";
}

bool IsOnCommandLine(int argc, char** argv, const std::string& name) {
  for (int i = 1; i < argc; ++i) {
    absl::string_view word = argv[i];
    if (word == "--") return false;
    while (absl::ConsumePrefix(&word, "-")) {
    }
    const absl::string_view given = word.substr(0, word.find('='));
    if (given == name || given == absl::StrCat("no", name)) return true;
  }
  return false;
}

std::string BesideThisProgram(const std::string& name) {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) return name;
  const std::string self(path, static_cast<size_t>(size));
  return absl::StrCat(self.substr(0, self.rfind('/') + 1), name);
}

std::string KernelHostname() {
  char name[HOST_NAME_MAX + 1] = {};
  gethostname(name, sizeof name - 1);
  return name;
}

// Children are given these paths, and they may stand elsewhere.
absl::StatusOr<std::string> AbsolutePath(const std::string& flag,
                                         const std::string& path) {
  if (path.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag, ": must not be empty"));
  }
  std::string absolute = path;
  if (path[0] != '/') {
    char here[PATH_MAX];
    if (getcwd(here, sizeof here) == nullptr) {
      return ErrnoStatus(errno, "getcwd", path);
    }
    absolute = absl::StrCat(here, "/", path);
  }
  while (absolute.size() > 1 && absolute.back() == '/') absolute.pop_back();
  return absolute;
}

absl::Status CheckSocketPath(const std::string& runtime_dir) {
  const std::string socket = absl::StrCat(runtime_dir, "/holdfastd.sock");
  if (socket.size() <= kMaxSocketPath) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--runtime_dir ", runtime_dir, ": the path of its socket would have ",
      socket.size(), " bytes, and a unix socket's may have ", kMaxSocketPath,
      "; choose a shorter directory"));
}

}  // namespace

absl::StatusOr<PluginFlags> ParsePluginFlags(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Holdfast's agent plugin: launches executors that outlive it.\n"
      "Each flag may also be set by HOLDFAST_<NAME> in the environment, and "
      "those that Mesos' agent has by MESOS_<NAME>.");
  absl::FlagsUsageConfig usage;
  usage.version_string = [] {
    return absl::StrCat("holdfastd ", kVersion, "\n");
  };
  usage.contains_help_flags = [](absl::string_view file) {
    return absl::EndsWith(file, "plugin/flags.cc");
  };
  absl::SetFlagsUsageConfig(usage);
  PluginFlags flags;
  for (const std::string name : kFlags) {
    v1::Flag& flag = flags.effective.emplace_back();
    flag.set_name(name);
    HOLDFAST_ASSIGN_OR_RETURN(std::string source, SetFromEnvironment(name));
    flag.set_source(IsOnCommandLine(argc, argv, name) ? "flag" : source);
  }
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", rest[1],
                     "\": holdfastd takes flags alone; see holdfastd --help"));
  }
  for (v1::Flag& flag : flags.effective) {
    flag.set_value(absl::FindCommandLineFlag(flag.name())->CurrentValue());
  }
  HOLDFAST_ASSIGN_OR_RETURN(
      flags.work_dir, AbsolutePath("work_dir", absl::GetFlag(FLAGS_work_dir)));
  HOLDFAST_ASSIGN_OR_RETURN(
      flags.runtime_dir,
      AbsolutePath("runtime_dir", absl::GetFlag(FLAGS_runtime_dir)));
  HOLDFAST_RETURN_IF_ERROR(CheckSocketPath(flags.runtime_dir));
  flags.cgroups_root = absl::GetFlag(FLAGS_cgroups_root);
  flags.shim = absl::GetFlag(FLAGS_shim);
  if (flags.shim.empty()) flags.shim = BesideThisProgram("holdfast-shim");
  flags.hostname = absl::GetFlag(FLAGS_hostname);
  if (flags.hostname.empty()) flags.hostname = KernelHostname();
  flags.socket_group = absl::GetFlag(FLAGS_socket_group);
  flags.strict = absl::GetFlag(FLAGS_strict);
  flags.recovery_timeout = absl::GetFlag(FLAGS_recovery_timeout).value;
  flags.executor_shutdown_grace_period =
      absl::GetFlag(FLAGS_executor_shutdown_grace_period).value;
  return flags;
}

}  // namespace holdfast
