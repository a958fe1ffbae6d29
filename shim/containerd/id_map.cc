#include "shim/containerd/id_map.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/errors.h"
#include "base/files.h"
#include "base/pidfd.h"

namespace holdfast::containerd {
namespace {

bool IsId(absl::string_view word) {
  uint32_t id;
  return absl::SimpleAtoi(word, &id);
}

// As the kernel reads it.
absl::StatusOr<std::string> MapText(absl::string_view map) {
  std::string text;
  for (const absl::string_view range : absl::StrSplit(map, ',')) {
    const std::vector<absl::string_view> ids = absl::StrSplit(range, ':');
    if (ids.size() != 3 || !std::all_of(ids.begin(), ids.end(), IsId)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "map of ids \"", map, "\": not CONTAINER:HOST:SIZE[,...]"));
    }
    absl::StrAppend(&text, absl::StrJoin(ids, " "), "\n");
  }
  return text;
}

// A process that waits in a user namespace of its own. Its end signals nobody,
// so that it is reaped here.
class Inhabitant {
 public:
  static absl::StatusOr<Inhabitant> Create() {
    int fd = -1;
    clone_args args = {};
    args.flags = CLONE_NEWUSER | CLONE_PIDFD;
    args.pidfd = reinterpret_cast<uintptr_t>(&fd);
    const pid_t parent = getpid();
    const auto pid =
        static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
    if (pid < 0) return ErrnoStatus(errno, "make", "a user namespace");
    if (pid == 0) Wait(parent);
    return Inhabitant(Pidfd(pid, UniqueFd(fd)));
  }
  Inhabitant(Inhabitant&&) = default;
  ~Inhabitant() {
    if (!process_) return;
    (void)process_.Signal(SIGKILL);  // or something else has
    (void)waitpid(process_.pid(), nullptr, __WALL);
  }

  std::string File(absl::string_view name) const {
    return absl::StrCat("/proc/", process_.pid(), "/", name);
  }

 private:
  explicit Inhabitant(Pidfd process) : process_(std::move(process)) {}

  [[noreturn]] static void Wait(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == parent) pause();
    _exit(0);
  }

  Pidfd process_;
};

}  // namespace

absl::StatusOr<UniqueFd> MakeUserNamespace(absl::string_view uids,
                                           absl::string_view gids) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string uid_map, MapText(uids));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string gid_map, MapText(gids));
  HOLDFAST_ASSIGN_OR_RETURN(const Inhabitant inhabitant, Inhabitant::Create());
  HOLDFAST_RETURN_IF_ERROR(
      WriteKernelFile(inhabitant.File("uid_map"), uid_map));
  HOLDFAST_RETURN_IF_ERROR(
      WriteKernelFile(inhabitant.File("gid_map"), gid_map));
  const std::string path = inhabitant.File("ns/user");
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return ErrnoStatus(errno, "open", path);
  return fd;
}

absl::StatusOr<UniqueFd> CopyMapped(const std::string& path,
                                    const UniqueFd& user_namespace,
                                    Access access) {
  UniqueFd copy(
      open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!copy) return ErrnoStatus(errno, "copy the mount", path);
  mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  if (access == Access::kReadOnly) attributes.attr_set |= MOUNT_ATTR_RDONLY;
  attributes.userns_fd = static_cast<uint64_t>(user_namespace.get());
  if (mount_setattr(copy.get(), "", AT_EMPTY_PATH, &attributes,
                    sizeof attributes) != 0) {
    return ErrnoStatus(errno, "map the ids of", path);
  }
  return copy;
}

absl::Status Attach(const UniqueFd& copy, const std::string& target) {
  if (move_mount(copy.get(), "", AT_FDCWD, target.c_str(),
                 MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return ErrnoStatus(errno, "attach a mount to", target);
  }
  return absl::OkStatus();
}

}  // namespace holdfast::containerd
