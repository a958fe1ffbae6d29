#pragma once

namespace holdfast::shim {

// Leaves this thread what an executor may have: for root the fourteen
// capabilities that Docker leaves a container (man pages and package managers
// take them for granted, and none of them owns the machine), none for anyone
// else; nothing inheritable, nothing ambient.
//
// Two halves, since the bounding set can be cut only before the user changes
// and the rest is certain only after it. Both return 0 or errno and are only
// system calls, for use between fork and exec.
int CutBoundingSet(bool root);
int CutCapabilities(bool root);

}  // namespace holdfast::shim
