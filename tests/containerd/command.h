#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/pidfd.h"

namespace holdfast::containerd {

struct CommandOptions {
  std::vector<std::string> environment = {};  // "NAME=value", beside ours
  std::string directory = {};                 // empty: ours
  std::string input = {};
  absl::Duration timeout = absl::Seconds(60);
};

struct CommandResult {
  int exit_code = -1;  // 128 + signal, as a shell has it
  std::string out;
  std::string err;
};

// Runs argv[0], a path, until it has ended and nobody holds its outputs any
// more, as containerd waits for a shim. One that takes longer is killed, and a
// failure of the test.
CommandResult RunCommand(const std::vector<std::string>& argv,
                         const CommandOptions& options = {});

// Starts it as a child of ours that we reap; both outputs are appended to
// `log_path`.
Pidfd StartProgram(const std::vector<std::string>& argv,
                   const CommandOptions& options, const std::string& log_path);

}  // namespace holdfast::containerd
