#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "shim/containerd/children.h"
#include "shim/containerd/oci_runtime.h"

namespace holdfast::containerd {

// The words of a runtime's command line: the program, its general options,
// `command`. NotFound: there is no such program.
absl::StatusOr<std::vector<std::string>> RuntimeCommandLine(
    const OciRuntime::Options& options, const std::string& log_file,
    const std::vector<std::string>& command);

// One run of an OCI runtime. While one that makes a process lives, exits of
// children that nobody awaits are kept: that process's may be one of them.
class OciCommand {
 public:
  // `name`: "create"; `id`: the container's.
  OciCommand(EventLoop& loop, Children& children,
             const OciRuntime::Options& options, std::string name,
             std::string id);
  // Kills it where it still runs.
  ~OciCommand();

  // Where it shall write the pid of what it makes; removed with this.
  const std::string& pid_file();
  absl::StatusOr<pid_t> ReadPidFile();

  // `ended` comes once, from the loop, and may destroy this. With `stdio`, the
  // command has the container's, and its errors go to a log file; without, its
  // stdin is `input`, and its errors go to its stderr, which is memory.
  void Start(const std::vector<std::string>& words, const StdioFds* stdio,
             absl::string_view input, std::function<void(absl::Status)> ended);

 private:
  absl::Status TryStart(const std::vector<std::string>& words,
                        const StdioFds* stdio, absl::string_view input);
  void End(const absl::Status& status);
  absl::Status StatusOf(const ChildExit& exit) const;

  EventLoop& loop_;
  Children& children_;
  std::optional<Children::Hold> hold_;
  const OciRuntime::Options& options_;
  const std::string name_;
  const std::string id_;
  const std::string prefix_;  // of its files: no other command has it
  std::string log_file_;
  std::string pid_file_;
  UniqueFd output_;
  pid_t pid_ = -1;
  std::function<void(absl::Status)> ended_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace holdfast::containerd
