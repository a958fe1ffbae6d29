#pragma once

#include <string>
#include <vector>

#include "absl/flags/declare.h"
#include "absl/strings/string_view.h"
#include "plugin/flags/flag_types.h"

// Every flag of holdfastd. Defaults, what each means and who may set it are
// said once, in definitions.cc, and `--help` prints that.
ABSL_DECLARE_FLAG(std::string, work_dir);
ABSL_DECLARE_FLAG(std::string, runtime_dir);
ABSL_DECLARE_FLAG(std::string, cgroups_root);
ABSL_DECLARE_FLAG(std::string, shim);
ABSL_DECLARE_FLAG(std::string, socket_group);
ABSL_DECLARE_FLAG(std::string, env_file);
ABSL_DECLARE_FLAG(std::string, boot_id_file);
ABSL_DECLARE_FLAG(holdfast::AddressFlag, metrics_address);
ABSL_DECLARE_FLAG(std::string, hostname);
ABSL_DECLARE_FLAG(holdfast::ResourcesFlag, resources);
ABSL_DECLARE_FLAG(holdfast::AttributesFlag, attributes);
ABSL_DECLARE_FLAG(holdfast::ReconfigurationPolicy, reconfiguration_policy);
ABSL_DECLARE_FLAG(holdfast::RecoverMode, recover);
ABSL_DECLARE_FLAG(bool, strict);
ABSL_DECLARE_FLAG(holdfast::OrphanPolicy, orphans);
ABSL_DECLARE_FLAG(holdfast::DurationFlag, recovery_timeout);
ABSL_DECLARE_FLAG(holdfast::DurationFlag, executor_reregistration_timeout);
ABSL_DECLARE_FLAG(holdfast::DurationFlag, executor_shutdown_grace_period);
ABSL_DECLARE_FLAG(holdfast::IntervalFlag, agent_ping_timeout);
ABSL_DECLARE_FLAG(holdfast::CountFlag, max_agent_ping_timeouts);
ABSL_DECLARE_FLAG(holdfast::DurationFlag, gc_delay);
ABSL_DECLARE_FLAG(holdfast::FractionFlag, gc_disk_headroom);
ABSL_DECLARE_FLAG(holdfast::IntervalFlag, disk_watch_interval);

namespace holdfast {

// The file that absl knows the flags by.
inline constexpr absl::string_view kDefinitionsFile =
    "plugin/flags/definitions.cc";

// The names of all of them, sorted.
std::vector<std::string> FlagNames();

// The variables that may set a flag, the stronger one first: HOLDFAST_<NAME>,
// and MESOS_<NAME> for what Mesos' agent has under that name.
std::vector<std::string> VariablesOf(absl::string_view flag);

}  // namespace holdfast
