#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/orchestrator.pb.h"

namespace holdfast {

// What holdfastd was told, and by whom: a flag goes before HOLDFAST_<NAME>,
// that before MESOS_<NAME> (for the names that Mesos has, so that its
// environment files work), that before the default.
struct PluginFlags {
  std::string work_dir;
  std::string runtime_dir;
  std::string cgroups_root;
  std::string shim;  // resolved
  std::string hostname;
  std::string socket_group;
  bool strict = true;
  absl::Duration recovery_timeout;
  absl::Duration executor_shutdown_grace_period;
  std::vector<v1::Flag> effective;  // all, with their sources
};

// Reads environment and command line; ends the process by itself for --help,
// --version and unknown flags. InvalidArgument names the flag or variable, its
// value and what is allowed.
absl::StatusOr<PluginFlags> ParsePluginFlags(int argc, char** argv);

}  // namespace holdfast
