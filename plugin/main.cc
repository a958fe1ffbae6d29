// holdfastd: the agent's containerizer plugin.

#include <sysexits.h>

#include "base/log.h"
#include "plugin/daemon.h"
#include "plugin/flags/plugin_flags.h"

int main(int argc, char** argv) {
  holdfast::SetLogProgram("holdfastd");
  const absl::StatusOr<holdfast::PluginFlags> flags =
      holdfast::ParsePluginFlags(argc, argv);
  if (!flags.ok()) {
    holdfast::Log(holdfast::Severity::kError, flags.status().message());
    return EX_USAGE;
  }
  return holdfast::RunDaemon(*flags);
}
