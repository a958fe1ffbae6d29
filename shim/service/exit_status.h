#pragma once

#include <cstdint>

#include "api/records.pb.h"
#include "base/pidfd.h"

namespace holdfast::shim {

// How `process`, which has ended, did so; reaps it where it is our child. An
// adopted one is somebody else's: until that one reaps it its zombie tells
// (/proc/<pid>/stat, for which `start_ticks` says whose it is), and afterwards
// the pidfd (PIDFD_INFO_EXIT, Linux 6.15). On an older kernel a parent that is
// quicker than us leaves neither code nor signal, and the message says so.
v1::Exited LearnExit(const Pidfd& process, uint64_t start_ticks);

}  // namespace holdfast::shim
