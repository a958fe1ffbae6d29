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
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/errors.h"
#include "base/unique_fd.h"
#include "shim/containerd/id_map.h"
#include "shim/containerd/overlay_layers.h"

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

constexpr char kUids[] = "uidmap=";
constexpr char kGids[] = "gidmap=";

struct Options {
  unsigned long flags = 0;
  unsigned long propagation = 0;
  // Maps of ids; empty: there is none.
  std::string uids;
  std::string gids;
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
    } else if (absl::StartsWith(option, kUids)) {
      options.uids = option.substr(sizeof kUids - 1);
    } else if (absl::StartsWith(option, kGids)) {
      options.gids = option.substr(sizeof kGids - 1);
    } else {
      options.data.push_back(option);
    }
  }
  return options;
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

// Made without these options, the mount would be another one.
absl::Status CheckSupported(const Mount& mount) {
  const Options parsed = ParseOptions(mount);
  const bool maps =
      !parsed.uids.empty() && !parsed.gids.empty() && mount.target().empty();
  for (const std::string& option : mount.options()) {
    if (option == "loop" || (!maps && (absl::StartsWith(option, kUids) ||
                                       absl::StartsWith(option, kGids)))) {
      return absl::UnimplementedError(
          absl::StrCat("mount ", mount.type(), " ", mount.source(), ": option ",
                       option, " is not supported"));
    }
  }
  return absl::OkStatus();
}

// Without maps of ids. `what`: for errors.
absl::Status MountWith(Options options, const Mount& mount,
                       const std::string& target, const std::string& what) {
  const WorkingDirectory directory(
      mount.type() == "overlay" ? ShortenLayers(options.data) : "");
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

std::string MappedLayersOf(const std::string& rootfs) {
  return rootfs + ".layers";
}

// An overlay takes no map, but layers that have one; its upper layer has the
// right owners.
absl::Status MountMapped(Options options, const Mount& mount,
                         const std::string& rootfs, const std::string& what) {
  HOLDFAST_ASSIGN_OR_RETURN(const UniqueFd user_namespace,
                            MakeUserNamespace(options.uids, options.gids));
  if (mount.type() == "overlay") {
    const std::string place = MappedLayersOf(rootfs);
    absl::Status mounted = MapLayers(user_namespace, place, options.data);
    mounted = mounted.ok() ? MountWith(std::move(options), mount, rootfs, what)
                           : Annotate(mounted, absl::StrCat("mount ", what));
    const absl::Status removed = RemoveMappedLayers(place);
    return mounted.ok() ? removed : mounted;
  }
  HOLDFAST_RETURN_IF_ERROR(MountWith(std::move(options), mount, rootfs, what));
  HOLDFAST_ASSIGN_OR_RETURN(
      const UniqueFd copy,
      CopyMapped(rootfs, user_namespace, Access::kAsItWas));
  if (umount2(rootfs.c_str(), UMOUNT_NOFOLLOW) != 0) {
    return ErrnoStatus(errno, "unmount", rootfs);
  }
  return Attach(copy, rootfs);
}

// `shown`: the target for errors.
absl::Status MountOne(const Mount& mount, const std::string& target,
                      const std::string& shown) {
  HOLDFAST_RETURN_IF_ERROR(CheckSupported(mount));
  Options options = ParseOptions(mount);
  const std::string what =
      absl::StrCat(mount.type(), " ", mount.source(), " on ", shown);
  return options.uids.empty()
             ? MountWith(std::move(options), mount, target, what)
             : MountMapped(std::move(options), mount, target, what);
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
  // Of a shim that was killed in the middle.
  HOLDFAST_RETURN_IF_ERROR(RemoveMappedLayers(MappedLayersOf(rootfs)));
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
