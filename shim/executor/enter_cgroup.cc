#include "shim/executor/enter_cgroup.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/errors.h"
#include "base/files.h"
#include "base/unique_fd.h"

namespace holdfast::shim {
namespace {

// 0 in the child; -1: nothing was made.
pid_t CloneInto(const std::string& directory) {
  const UniqueFd group(
      open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!group) return -1;
  clone_args args = {};
  args.flags = CLONE_INTO_CGROUP;
  args.exit_signal = SIGCHLD;
  args.cgroup = static_cast<uint64_t>(group.get());
  return static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
}

}  // namespace

absl::Status EnterCgroup(const std::string& procs_file) {
  if (procs_file.empty()) return absl::OkStatus();
  const pid_t child = CloneInto(DirectoryOf(procs_file));
  if (child > 0) _exit(0);
  if (child == 0) return absl::OkStatus();
  return Annotate(WriteKernelFile(procs_file, "0"),
                  "move the shim to its own cgroup");
}

}  // namespace holdfast::shim
