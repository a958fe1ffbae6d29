#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/orchestrator.pb.h"
#include "plugin/modes.h"

namespace holdfast {

// What holdfastd was told: a flag goes before HOLDFAST_<NAME>, that before
// MESOS_<NAME> (for the names that Mesos has), these before the same of
// --env_file, and all before the default. Meanings: definitions.cc, --help.
struct PluginFlags {
  std::string work_dir;
  std::string runtime_dir;
  std::string cgroups_root;
  std::string shim;  // resolved
  std::string socket_group;
  std::string boot_id_file;
  std::string metrics_address;  // "HOST:PORT", or empty: off

  // Hostname (resolved), resources and attributes; without the agent's id.
  v1::AgentInfo info;
  // What the host has and nobody spoke of: offered, and not stored.
  v1::AgentInfo host_resources;
  ReconfigurationPolicy reconfiguration_policy = ReconfigurationPolicy::kEqual;

  RecoverMode recover = RecoverMode::kReconnect;
  bool strict = true;
  OrphanPolicy orphans = OrphanPolicy::kLeave;
  absl::Duration recovery_timeout;
  absl::Duration executor_reregistration_timeout;  // zero: never
  absl::Duration executor_shutdown_grace_period;

  // For orchestrators, who read them from GetAgent's flags.
  absl::Duration agent_ping_timeout;
  uint32_t max_agent_ping_timeouts = 0;

  absl::Duration gc_delay;
  double gc_disk_headroom = 0;
  absl::Duration disk_watch_interval;

  std::vector<v1::Flag> effective;  // all, with their sources
  // MESOS_ variables of the env_file that mean nothing here.
  std::vector<std::string> ignored;
};

// Reads command line, environment and env_file; ends the process by itself
// for --help and --version. InvalidArgument names the flag, variable or line,
// its value and what is allowed.
absl::StatusOr<PluginFlags> ParsePluginFlags(int argc, char** argv);

}  // namespace holdfast
