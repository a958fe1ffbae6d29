#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "tests/bench/samples.h"

namespace holdfast::bench {

// The bare minimum of what an agent must do, on this machine and this disk.
// All in milliseconds; `directory` is on the disk that is measured.

// One write of 256 bytes into a zero-filled file, and its fdatasync.
absl::StatusOr<Samples> DurableWrite(const std::string& directory, int n);

// posix_spawn of a static program, then one durable write.
absl::StatusOr<Samples> SpawnAndWrite(const std::string& directory, int n);

// SIGKILL to a child that sleeps, until it is reaped, then one durable write.
absl::StatusOr<Samples> KillReapAndWrite(const std::string& directory, int n);

// connect() to so many unix sockets, one after the other.
absl::StatusOr<Samples> ConnectToAll(const std::string& directory, int sockets,
                                     int n);

}  // namespace holdfast::bench
