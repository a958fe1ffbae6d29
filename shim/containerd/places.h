#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace holdfast::containerd {

// Where the shims of one containerd and one namespace keep what is theirs.
// What containerd removes with the bundle would not outlive the task, so the
// journals are not there.
//   <work_dir>/containerd/<daemon>/<namespace>/<id>/   journal, spools
//   <runtime_dir>/containerd/<daemon>/<namespace>/<group>/  address, lock
//   <runtime_dir>/s/<uuid>                             sockets, short
// No task of containerd's outlives the boot, so nothing here waits for the disk
// (base/volatile_files.h): it survives every process.
// <daemon> is its address with dashes for slashes: two daemons of one host meet
// only where their paths differ in that alone.
struct Places {
  std::string tasks;    // the first, without the id
  std::string groups;   // the second, without the group
  std::string sockets;  // the third, without the name

  std::string TaskDirectory(absl::string_view id) const;
  std::string GroupDirectory(absl::string_view group) const;
};

// work_dir and runtime_dir are HOLDFAST_WORK_DIR and HOLDFAST_RUNTIME_DIR, or
// /var/lib/holdfast and /run/holdfast.
Places PlacesOf(absl::string_view address, absl::string_view name_space);

// Makes `path` and what is missing on the way to it, 0711.
absl::Status MakeDirectories(const std::string& path);

}  // namespace holdfast::containerd
