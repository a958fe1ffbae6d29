#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace holdfast {

// How old what has ended may get before it is removed: `gc_delay`, and less
// the fuller the disk is, as in Mesos: gc_delay × max(0, 1 − headroom − used).
// `headroom`, `used`: of the disk, 0 to 1.
absl::Duration AllowedAge(absl::Duration gc_delay, double headroom,
                          double used);

// How much of the file system of `path` is used, 0 to 1, as df(1) has it: of
// what those without privileges can have.
absl::StatusOr<double> DiskUsed(const std::string& path);

}  // namespace holdfast
