#pragma once

#include "plugin/flags/plugin_flags.h"

namespace holdfast {

// Runs the plugin until SIGTERM or SIGINT; returns the process's exit code
// (sysexits.h): 0 stopped; 65 strict, and the checkpoint is damaged; 69 the
// host cannot do it (cgroups); 73 a directory or the socket cannot be made; 75
// another plugin has them.
int RunDaemon(const PluginFlags& flags);

}  // namespace holdfast
