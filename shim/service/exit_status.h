#pragma once

#include <optional>

#include "api/records.pb.h"
#include "base/pidfd.h"

namespace holdfast::shim {

// The wait status of a process that is not our child, once its parent has
// reaped it: PIDFD_GET_INFO with PIDFD_INFO_EXIT, Linux 6.15. Waits a moment
// for that parent, since the end is seen before the reaping. Nothing: this
// kernel does not tell.
std::optional<int> ReadExitStatusOfOther(const Pidfd& process);

// How `process`, which has ended, did so; reaps it where it is our child. An
// adopted one is not: then neither code nor signal may be known, and the
// message says so.
v1::Exited LearnExit(const Pidfd& process);

}  // namespace holdfast::shim
