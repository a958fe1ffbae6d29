#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"

namespace holdfast {

// The arguments of shim/client/shim_arguments.h; descriptors are borrowed.
struct ShimCommand {
  std::string program;
  std::string container_id;
  std::string journal_path;
  std::string runtime_directory;
  std::string shim_procs_file;
  int journal_fd;
  int listening_fd;
  int connection_fd;
  int log_fd;
};

// posix_spawn, which a big agent can afford (a fork of it takes 30 ms). The
// child is in a session of its own and has nothing open but what it is given.
// Nobody waits for it: the agent ignores SIGCHLD, so that the kernel reaps, and
// learns of its end from the connection. Its pid is for people.
// NotFound, PermissionDenied: the program cannot be run.
absl::StatusOr<pid_t> SpawnShim(const ShimCommand& command);

}  // namespace holdfast
