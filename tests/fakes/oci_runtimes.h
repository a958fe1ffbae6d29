#pragma once

#include <string>

namespace holdfast {

// Where the tests find an OCI runtime ("crun", "runc"): what
// hack/containerd-peers has unpacked, then $PATH. Empty: there is none.
std::string FindTestRuntime(const std::string& name);

// crun makes no container on a host whose v2 tree has controllers beside
// those of v1. There, this gives the process (which has one thread yet) mounts
// of its own, without that tree; elsewhere it does nothing. False: it may not.
bool HideUnifiedTreeFromCrun();

}  // namespace holdfast
