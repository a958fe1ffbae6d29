#include "shim/containerd/shim_cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/files.h"
#include "base/pidfd.h"
#include "cgroups/mountinfo.h"
#include "shim/containerd/places.h"

namespace holdfast::containerd {
namespace {

constexpr char kNamePrefix[] = "containerd-";
constexpr time_t kBirthSeconds = 60;

std::vector<CgroupMount> CgroupMounts() {
  const absl::StatusOr<std::string> text =
      ReadSmallFile("/proc/self/mountinfo");
  return text.ok() ? ParseCgroupMounts(*text) : std::vector<CgroupMount>();
}

// The v2 tree; empty: there is none that could be written to.
std::string Tree() {
  for (const CgroupMount& mount : CgroupMounts()) {
    if (mount.is_v2 && !mount.read_only) return mount.path;
  }
  return "";
}

std::string Root() {
  const std::string tree = Tree();
  if (tree.empty()) return "";
  const std::string slice = tree + "/holdfast.slice";
  return access(slice.c_str(), F_OK) == 0 ? slice : tree + "/holdfast";
}

std::string PathOf(absl::string_view name) {
  return absl::StrCat(Root(), "/", kNamePrefix, name);
}

UniqueFd OpenDirectory(const std::string& path) {
  return UniqueFd(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

// A younger one's shim may not be born yet.
bool IsOld(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 &&
         time(nullptr) - info.st_ctim.tv_sec > kBirthSeconds;
}

}  // namespace

absl::StatusOr<UniqueFd> MakeShimCgroup(absl::string_view name) {
  const std::string root = Root();
  if (root.empty()) return UniqueFd();
  const std::string path = absl::StrCat(root, "/", kNamePrefix, name);
  HOLDFAST_RETURN_IF_ERROR(SystemFiles().MakeDirectory(root, 0755));
  HOLDFAST_RETURN_IF_ERROR(SystemFiles().MakeDirectory(path, 0755));
  UniqueFd fd = OpenDirectory(path);
  if (!fd) return ErrnoStatus(errno, "open", path);
  return fd;
}

pid_t CloneInto(const UniqueFd& cgroup) {
  clone_args args = {};
  args.exit_signal = SIGCHLD;
  if (cgroup) {
    args.flags = CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(cgroup.get());
  }
  return static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
}

void RemoveShimCgroupAtExit(absl::string_view name) {
  const std::string path = PathOf(name);
  if (access(path.c_str(), F_OK) != 0) return;
  const UniqueFd tree = OpenDirectory(Tree());
  const absl::StatusOr<Pidfd> parent = Pidfd::Open(getpid());
  if (!tree || !parent.ok() || CloneInto(tree) != 0) return;
  // Nobody may take us for the shim that ends.
  dup2(parent->fd(), STDIN_FILENO);
  syscall(SYS_close_range, 1, ~0U, 0);
  pollfd ended = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  poll(&ended, 1, -1);
  (void)rmdir(path.c_str());
  _exit(0);
}

void RemoveEmptyShimCgroups() {
  const std::string root = Root();
  const auto names = SystemFiles().List(root);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    const std::string path = absl::StrCat(root, "/", name);
    // The kernel refuses it where there are processes.
    if (absl::StartsWith(name, kNamePrefix) && IsOld(path)) {
      (void)rmdir(path.c_str());
    }
  }
}

absl::Status EnterNamedCgroup(absl::string_view cgroup) {
  const std::vector<CgroupMount> mounts = CgroupMounts();
  const bool is_pure = std::all_of(mounts.begin(), mounts.end(),
                                   [](const auto& each) { return each.is_v2; });
  bool entered = false;
  for (const CgroupMount& mount : mounts) {
    if (mount.read_only) continue;
    const std::string path = absl::StrCat(mount.path, "/", cgroup);
    if (is_pure) {
      HOLDFAST_RETURN_IF_ERROR(MakeDirectories(path));
    } else if (access(path.c_str(), F_OK) != 0) {
      continue;  // a new cpuset would take nobody
    }
    HOLDFAST_RETURN_IF_ERROR(WriteKernelFile(path + "/cgroup.procs", "0"));
    entered = true;
  }
  if (entered) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("shim_cgroup ", cgroup, ": no hierarchy has it"));
}

}  // namespace holdfast::containerd
