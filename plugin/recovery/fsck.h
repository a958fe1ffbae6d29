#pragma once

#include "absl/status/statusor.h"
#include "api/fsck.pb.h"
#include "base/files.h"
#include "plugin/checkpoint/layout.h"

namespace holdfast {

// Reads all of a checkpoint, beside a running plugin or without one, and says
// what is damaged, what is left over and what is in quarantine.
// `repair`: what is damaged is moved into the quarantine whole, never deleted
// and never written to. The locks of work_dir, runtime_dir and of each journal
// are taken first: what a plugin or a shim holds is refused, naming the owner.
// NotFound, PermissionDenied, …: work_dir cannot be read.
absl::StatusOr<v1::FsckReport> CheckAll(Files& files, const Layout& layout,
                                        bool repair);

// Whether something damaged is where it was.
bool IsDamaged(const v1::FsckReport& report);

}  // namespace holdfast
