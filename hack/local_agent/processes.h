#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace holdfast::hack {

// One process and no later one of the same number.
struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_ticks = 0;

  friend bool operator==(const ProcessIdentity&,
                         const ProcessIdentity&) = default;
};

// NotFound: there is no such process.
absl::StatusOr<ProcessIdentity> Identify(pid_t pid);

// False for a zombie too: it runs no more.
bool Runs(const ProcessIdentity& process);

// "123 holdfast-shim …" of each process with `text` in its command line, but
// for this one.
std::vector<std::string> ProcessesNaming(const std::string& text);

// The shims of an agent that was killed become our children, so that none
// stays a zombie where init reaps nobody, as in many containers.
absl::Status AdoptOrphans();
// Reaps those that have ended. Not while a ChildProcess is unreaped.
void ReapOrphans();

}  // namespace holdfast::hack
