#include "plugin/flags/definitions.h"

#include <algorithm>

#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace holdfast {
namespace {

constexpr absl::string_view kMesosFlags[] = {
    "attributes", "executor_reregistration_timeout",
    "hostname",   "executor_shutdown_grace_period",
    "recover",    "recovery_timeout",
    "resources",  "runtime_dir",
    "strict",     "work_dir"};

std::string Help(absl::string_view name, absl::string_view meaning) {
  return absl::StrCat(meaning, " [", absl::StrJoin(VariablesOf(name), ", "),
                      "]");
}

}  // namespace

std::vector<std::string> FlagNames() {
  std::vector<std::string> names;
  for (const auto& [name, flag] : absl::GetAllFlags()) {
    if (absl::EndsWith(flag->Filename(), kDefinitionsFile)) {
      names.emplace_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> VariablesOf(absl::string_view flag) {
  const std::string upper = absl::AsciiStrToUpper(flag);
  std::vector<std::string> variables = {absl::StrCat("HOLDFAST_", upper)};
  if (std::find(std::begin(kMesosFlags), std::end(kMesosFlags), flag) !=
      std::end(kMesosFlags)) {
    variables.push_back(absl::StrCat("MESOS_", upper));
  }
  return variables;
}

}  // namespace holdfast

using holdfast::DurationFlag;
using holdfast::FractionFlag;
using holdfast::Help;
using holdfast::IntervalFlag;

// --- Where things are -------------------------------------------------------

ABSL_FLAG(std::string, work_dir, "/var/lib/holdfast",
          Help("work_dir",
               "What survives a reboot: the checkpoint, executors' journals "
               "and output. One plugin a directory."));
ABSL_FLAG(std::string, runtime_dir, "/run/holdfast",
          Help("runtime_dir",
               "What does not: sockets, and all of frameworks with "
               "checkpoint=false. The API is served on holdfastd.sock in it."));
ABSL_FLAG(std::string, cgroups_root, "holdfast",
          Help("cgroups_root",
               "Where executors' cgroups are made, relative to the cgroup "
               "mounts; under systemd a delegated slice, outside the plugin's "
               "own unit."));
ABSL_FLAG(std::string, shim, "",
          Help("shim",
               "The holdfast-shim program. Empty: the one beside this "
               "program."));
ABSL_FLAG(std::string, socket_group, "holdfast",
          Help("socket_group",
               "Whose members may use the API, if there is such a group."));
ABSL_FLAG(std::string, env_file, "",
          Help("env_file",
               "A file of NAME=value lines, as systemd's EnvironmentFile reads "
               "it, with HOLDFAST_ and MESOS_ variables for these flags; the "
               "environment goes before it. Empty: none."));
ABSL_FLAG(std::string, boot_id_file, "/proc/sys/kernel/random/boot_id",
          Help("boot_id_file",
               "What tells one boot from another. Another file is for tests."));
ABSL_FLAG(holdfast::AddressFlag, metrics_address, {},
          Help("metrics_address",
               "HOST:PORT where /metrics is served in Prometheus' text form, "
               "to whoever connects. Empty: nowhere."));

// --- What the agent is ------------------------------------------------------

ABSL_FLAG(std::string, hostname, "",
          Help("hostname",
               "The agent's name for orchestrators. Empty: the kernel's."));
ABSL_FLAG(holdfast::ResourcesFlag, resources, {},
          Help("resources",
               "What the agent offers, such as "
               "\"cpus:8;mem:16384;ports:[31000-32000]\"; mem and disk in MiB. "
               "Where cpus or mem are not given, they are the host's."));
ABSL_FLAG(holdfast::AttributesFlag, attributes, {},
          Help("attributes",
               "What the agent is, such as \"rack:r7;os:debian\"."));
ABSL_FLAG(holdfast::ReconfigurationPolicy, reconfiguration_policy,
          holdfast::ReconfigurationPolicy::kEqual,
          Help("reconfiguration_policy",
               "equal, additive or any: how hostname, resources and attributes "
               "may differ from the checkpointed ones. additive: more of what "
               "there was, and new ones. A start that is refused touches "
               "nothing, exit code 78."));

// --- Recovery ---------------------------------------------------------------

ABSL_FLAG(
    holdfast::RecoverMode, recover, holdfast::RecoverMode::kReconnect,
    Help("recover",
         "reconnect: reattach to every living executor. cleanup: end "
         "them all with their grace, then the plugin, with exit code 0."));
ABSL_FLAG(bool, strict, true,
          Help("strict",
               "true or false. A damaged checkpoint is fatal: nothing is "
               "touched, all damage is listed, exit code 65. If false, a "
               "damaged executor's files are moved aside, its processes left "
               "alone, and the rest recovers."));
ABSL_FLAG(holdfast::OrphanPolicy, orphans, holdfast::OrphanPolicy::kLeave,
          Help("orphans",
               "leave, quarantine or kill: what is done to processes under "
               "cgroups_root that are in no journal. They are listed in any "
               "case; quarantine freezes them."));
ABSL_FLAG(DurationFlag, recovery_timeout, {absl::Minutes(15)},
          Help("recovery_timeout",
               "How long an executor's shim waits for the plugin to attach "
               "again before it ends the executor, where its launch does not "
               "say."));
ABSL_FLAG(DurationFlag, executor_reregistration_timeout, {absl::ZeroDuration()},
          Help("executor_reregistration_timeout",
               "An executor whose shim has not answered for so long after a "
               "restart is ended. 0: never; it is UNATTACHED and looked for "
               "on."));
ABSL_FLAG(DurationFlag, executor_shutdown_grace_period, {absl::Seconds(5)},
          Help("executor_shutdown_grace_period",
               "Between SIGTERM and SIGKILL, where the task does not say."));

// --- Liveness, for orchestrators
// ----------------------------------------------

ABSL_FLAG(IntervalFlag, agent_ping_timeout, {absl::Seconds(15)},
          Help("agent_ping_timeout",
               "How long an orchestrator should wait for the answer to a "
               "ping."));
ABSL_FLAG(holdfast::CountFlag, max_agent_ping_timeouts, {5},
          Help("max_agent_ping_timeouts",
               "After how many pings in a row without an answer it should hold "
               "the agent for unreachable."));

// --- Garbage collection
// -------------------------------------------------------

ABSL_FLAG(DurationFlag, gc_delay, {absl::Hours(7 * 24)},
          Help("gc_delay",
               "How long the files of an ended executor whose updates are all "
               "acknowledged are kept at most; less when the disk fills."));
ABSL_FLAG(FractionFlag, gc_disk_headroom, {0.1},
          Help("gc_disk_headroom",
               "Files are kept for gc_delay * (1 - headroom - usage of the "
               "disk)."));
ABSL_FLAG(IntervalFlag, disk_watch_interval, {absl::Minutes(1)},
          Help("disk_watch_interval",
               "How often the disk's usage is looked at."));
