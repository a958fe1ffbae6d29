#include "shim/service/adoption.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace holdfast::shim {
namespace {

FoundProcess Absent(std::string absence) {
  return {Pidfd(), std::move(absence)};
}

}  // namespace

absl::StatusOr<FoundProcess> FindProcess(const v1::Started& started,
                                         const ProcessGroup& group) {
  const pid_t pid = started.pid();
  absl::StatusOr<Pidfd> process = Pidfd::Open(pid);
  if (absl::IsNotFound(process.status())) {
    return Absent(absl::StrCat("there is no process ", pid));
  }
  if (!process.ok()) return process.status();
  // Read after the pidfd was opened: it speaks of the process that we hold.
  const absl::StatusOr<uint64_t> ticks = ReadStartTicks(pid);
  if (absl::IsNotFound(ticks.status())) {
    return Absent(absl::StrCat("there is no process ", pid));
  }
  if (!ticks.ok()) return ticks.status();
  if (*ticks != started.start_ticks()) {
    return Absent(absl::StrCat("pid ", pid, " is another process now"));
  }
  if (process->HasEnded()) return FoundProcess{*std::move(process), ""};
  HOLDFAST_ASSIGN_OR_RETURN(const bool inside, group.Contains(pid));
  if (inside || process->HasEnded()) {
    return FoundProcess{*std::move(process), ""};
  }
  return Absent(absl::StrCat("process ", pid, " is not in its cgroup"));
}

}  // namespace holdfast::shim
