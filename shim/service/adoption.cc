#include "shim/service/adoption.h"

namespace holdfast::shim {

absl::StatusOr<Pidfd> FindProcess(const v1::Started& started) {
  absl::StatusOr<Pidfd> process = Pidfd::Open(started.pid());
  if (absl::IsNotFound(process.status())) return Pidfd();
  if (!process.ok()) return process.status();
  const absl::StatusOr<uint64_t> ticks = ReadStartTicks(started.pid());
  if (absl::IsNotFound(ticks.status())) return Pidfd();
  if (!ticks.ok()) return ticks.status();
  if (*ticks != started.start_ticks()) return Pidfd();
  return process;
}

}  // namespace holdfast::shim
