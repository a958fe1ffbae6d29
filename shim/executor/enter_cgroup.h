#pragma once

#include <string>

#include "absl/status/status.h"

namespace holdfast::shim {

// Makes this process, which has one thread, one of the group whose
// cgroup.procs is `procs_file`; empty: nothing happens.
//
// To move a process is dear (the kernel waits for a grace period of all
// processors, 30 ms on an idle machine), to be born in a group is not: where
// the kernel can (v2, Linux 5.7), a child is born there that goes on from
// here with everything we have, and the parent exits. So the pid may be
// another one afterwards.
absl::Status EnterCgroup(const std::string& procs_file);

}  // namespace holdfast::shim
