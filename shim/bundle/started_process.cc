#include "shim/bundle/started_process.h"

#include "base/boot_id.h"
#include "base/pidfd.h"

namespace holdfast {

bool IsRunning(const v1::Started& started) {
  const absl::StatusOr<std::string> boot_id = ReadBootId();
  if (!boot_id.ok() || *boot_id != started.boot_id()) return false;
  const absl::StatusOr<Pidfd> process = Pidfd::Open(started.pid());
  // Read after the pidfd was opened: it speaks of the process that we hold.
  const absl::StatusOr<uint64_t> ticks = ReadStartTicks(started.pid());
  return process.ok() && !process->HasEnded() && ticks.ok() &&
         *ticks == started.start_ticks();
}

}  // namespace holdfast
