#pragma once

#include <string>

#include "absl/status/status.h"
#include "api/containerd/task.pb.h"

namespace holdfast::containerd {

// What Create says of a task's root file system.
using Mounts =
    google::protobuf::RepeatedPtrField<::containerd::task::v2::Mount>;

// Mounts all, in order, on `rootfs` (or below it, where one has a target). The
// options are those of mount(8); what is none of its flags goes to the file
// system. An error names the mount; what was mounted before it is not any more.
// With uidmap= and gidmap= the files on `rootfs` belong to whom these map their
// owners to. Unimplemented: a loop device, one map without the other, maps
// below `rootfs`. A target is below `rootfs` whatever links are on its way. The
// caller has one thread: its working directory may be another meanwhile.
absl::Status MountAll(const Mounts& mounts, const std::string& rootfs);

// Unmounts all that is mounted there, however often. OK where nothing is.
absl::Status UnmountAll(const std::string& rootfs);

}  // namespace holdfast::containerd
