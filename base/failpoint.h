#pragma once

#include <vector>

#include "base/failpoint_names.h"
#include "base/failpoint_switch.h"

namespace holdfast {

// Where a test lets a process die: before or after a durable step, around a
// message. HOLDFAST_FAILPOINT(JournalAppended) is nothing at all in a build
// that is not for tests.
//
// In one that is, a process with HOLDFAST_FAILPOINTS_DIR in its environment
// keeps these in that directory, and a shim inherits the variable from its
// agent:
//   reached   a line "<program> <name>" for each time that one is reached
//   armed     the test's: "<program> <name> <times>"
//   died      what `armed` was, once a process has died of it
// A process that reaches the armed point, when `reached` has that line so many
// times, renames `armed` to `died` and sends itself SIGKILL: so one process
// dies, once.
#if HOLDFAST_FAILPOINTS
#define HOLDFAST_FAILPOINT(name) \
  ::holdfast::ReachFailpoint(::holdfast::Failpoint::k##name)
#else
#define HOLDFAST_FAILPOINT(name) static_cast<void>(0)
#endif

#if HOLDFAST_FAILPOINTS
enum class Failpoint {
#define HOLDFAST_FAILPOINT_ENUMERATOR(name) k##name,
  HOLDFAST_FAILPOINT_NAMES(HOLDFAST_FAILPOINT_ENUMERATOR)
#undef HOLDFAST_FAILPOINT_ENUMERATOR
};

// From any thread; changes neither errno nor anything else.
void ReachFailpoint(Failpoint point);

// What a program of ours that is started with an environment of its own needs
// in it, for execve; ends with a null.
std::vector<char*> FailpointEnvironment();
#else
inline std::vector<char*> FailpointEnvironment() { return {nullptr}; }
#endif

}  // namespace holdfast
