#include "shim/containerd/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/errors.h"
#include "base/unique_fd.h"

namespace holdfast::containerd {
namespace {

using ::containerd::task::v2::Mount;

struct Flag {
  absl::string_view name;
  unsigned long bit;
  bool clears = false;
};
constexpr std::array kFlags = {
    Flag{"async", MS_SYNCHRONOUS, true},
    Flag{"atime", MS_NOATIME, true},
    Flag{"bind", MS_BIND},
    Flag{"defaults", 0},
    Flag{"dev", MS_NODEV, true},
    Flag{"diratime", MS_NODIRATIME, true},
    Flag{"dirsync", MS_DIRSYNC},
    Flag{"exec", MS_NOEXEC, true},
    Flag{"mand", MS_MANDLOCK},
    Flag{"noatime", MS_NOATIME},
    Flag{"nodev", MS_NODEV},
    Flag{"nodiratime", MS_NODIRATIME},
    Flag{"noexec", MS_NOEXEC},
    Flag{"nomand", MS_MANDLOCK, true},
    Flag{"norelatime", MS_RELATIME, true},
    Flag{"nostrictatime", MS_STRICTATIME, true},
    Flag{"nosuid", MS_NOSUID},
    Flag{"rbind", MS_BIND | MS_REC},
    Flag{"relatime", MS_RELATIME},
    Flag{"remount", MS_REMOUNT},
    Flag{"ro", MS_RDONLY},
    Flag{"rw", MS_RDONLY, true},
    Flag{"strictatime", MS_STRICTATIME},
    Flag{"suid", MS_NOSUID, true},
    Flag{"sync", MS_SYNCHRONOUS},
};
// These the kernel wants in a call of their own.
constexpr std::array kPropagations = {
    Flag{"private", MS_PRIVATE},
    Flag{"rprivate", MS_PRIVATE | MS_REC},
    Flag{"rshared", MS_SHARED | MS_REC},
    Flag{"rslave", MS_SLAVE | MS_REC},
    Flag{"runbindable", MS_UNBINDABLE | MS_REC},
    Flag{"shared", MS_SHARED},
    Flag{"slave", MS_SLAVE},
    Flag{"unbindable", MS_UNBINDABLE},
};

constexpr char kLayers[] = "lowerdir=";  // of overlay

struct Options {
  unsigned long flags = 0;
  unsigned long propagation = 0;
  std::vector<std::string> data;
};

template <size_t n>
const Flag* Find(const std::array<Flag, n>& flags, absl::string_view name) {
  const auto found =
      std::find_if(flags.begin(), flags.end(),
                   [name](const Flag& flag) { return flag.name == name; });
  return found == flags.end() ? nullptr : &*found;
}

Options ParseOptions(const Mount& mount) {
  Options options;
  for (const std::string& option : mount.options()) {
    if (const Flag* const flag = Find(kFlags, option)) {
      options.flags =
          flag->clears ? options.flags & ~flag->bit : options.flags | flag->bit;
    } else if (const Flag* const each = Find(kPropagations, option)) {
      options.propagation = each->bit;
    } else {
      options.data.push_back(option);
    }
  }
  return options;
}

// The directory that all of `paths` are in, with its slash.
std::string CommonDirectory(const std::vector<std::string>& paths) {
  std::string common = paths.front();
  for (const std::string& path : paths) {
    const auto end =
        std::mismatch(common.begin(), common.end(), path.begin(), path.end());
    common.erase(end.first, common.end());
  }
  return common.substr(0, common.rfind('/') + 1);
}

// The kernel takes a page of data, which the layers of an image of 50 exceed:
// their paths are made relative to a directory, which is returned. Empty: there
// is nothing to be made shorter.
std::string Shorten(std::vector<std::string>& data) {
  if (absl::StrJoin(data, ",").size() <
      static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
    return "";
  }
  const auto option = std::find_if(
      data.begin(), data.end(),
      [](const std::string& each) { return absl::StartsWith(each, kLayers); });
  if (option == data.end()) return "";
  std::vector<std::string> layers =
      absl::StrSplit(option->substr(sizeof kLayers - 1), ':');
  const std::string directory = CommonDirectory(layers);
  if (directory.size() <= 1) return "";
  for (std::string& layer : layers) layer.erase(0, directory.size());
  *option = kLayers + absl::StrJoin(layers, ":");
  return directory;
}

class WorkingDirectory {
 public:
  explicit WorkingDirectory(const std::string& path)
      : entered_(!path.empty()), ok_(!entered_ || chdir(path.c_str()) == 0) {}
  ~WorkingDirectory() {
    if (entered_) (void)!chdir("/");
  }
  bool ok() const { return ok_; }

 private:
  const bool entered_;
  const bool ok_;
};

// Named for a loop device, or mapped ids, the mount would be another one
// without them.
absl::Status CheckSupported(const Mount& mount) {
  for (const std::string& option : mount.options()) {
    if (option == "loop" || absl::StartsWith(option, "uidmap=") ||
        absl::StartsWith(option, "gidmap=")) {
      return absl::UnimplementedError(
          absl::StrCat("mount ", mount.type(), " ", mount.source(), ": option ",
                       option, " is not supported"));
    }
  }
  return absl::OkStatus();
}

// `shown`: the target for errors.
absl::Status MountOne(const Mount& mount, const std::string& target,
                      const std::string& shown) {
  HOLDFAST_RETURN_IF_ERROR(CheckSupported(mount));
  Options options = ParseOptions(mount);
  const std::string what =
      absl::StrCat(mount.type(), " ", mount.source(), " on ", shown);
  const WorkingDirectory directory(
      mount.type() == "overlay" ? Shorten(options.data) : "");
  if (!directory.ok()) return ErrnoStatus(errno, "mount", what);
  const std::string data = absl::StrJoin(options.data, ",");
  if (::mount(mount.source().c_str(), target.c_str(), mount.type().c_str(),
              options.flags, data.c_str()) != 0) {
    return ErrnoStatus(errno, "mount", what);
  }
  if (options.propagation != 0 &&
      ::mount("", target.c_str(), "", options.propagation, "") != 0) {
    return ErrnoStatus(errno, "set the propagation of", what);
  }
  // A bind mount takes the flags of what it binds, until it is told otherwise.
  constexpr unsigned long kReadOnlyBind = MS_BIND | MS_RDONLY;
  if ((options.flags & kReadOnlyBind) == kReadOnlyBind &&
      ::mount("", target.c_str(), "", options.flags | MS_REMOUNT, "") != 0) {
    return ErrnoStatus(errno, "make read-only", what);
  }
  return absl::OkStatus();
}

// On a place below rootfs, which is the root of every link and ".." on the
// way: what the image says of them leads nowhere else.
absl::Status MountBelow(const Mount& mount, const std::string& rootfs) {
  const std::string shown = absl::StrCat(rootfs, "/", mount.target());
  const UniqueFd root(open(rootfs.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return ErrnoStatus(errno, "open", rootfs);
  open_how how = {};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT;
  const UniqueFd place(static_cast<int>(syscall(
      SYS_openat2, root.get(), mount.target().c_str(), &how, sizeof how)));
  if (!place) return ErrnoStatus(errno, "open", shown);
  return MountOne(mount, absl::StrCat("/proc/self/fd/", place.get()), shown);
}

}  // namespace

absl::Status MountAll(const Mounts& mounts, const std::string& rootfs) {
  for (const Mount& mount : mounts) {
    absl::Status mounted = mount.target().empty()
                               ? MountOne(mount, rootfs, rootfs)
                               : MountBelow(mount, rootfs);
    if (mounted.ok()) continue;
    (void)UnmountAll(rootfs);  // the first error is the one to tell
    return mounted;
  }
  return absl::OkStatus();
}

absl::Status UnmountAll(const std::string& rootfs) {
  for (;;) {
    if (umount2(rootfs.c_str(), UMOUNT_NOFOLLOW) == 0) continue;
    // Busy: there are mounts below it, or somebody is in there still.
    if (errno == EBUSY &&
        umount2(rootfs.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) == 0) {
      continue;
    }
    if (errno == EINVAL || errno == ENOENT) return absl::OkStatus();
    return ErrnoStatus(errno, "unmount", rootfs);
  }
}

}  // namespace holdfast::containerd
