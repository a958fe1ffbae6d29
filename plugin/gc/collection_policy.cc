#include "plugin/gc/collection_policy.h"

#include <errno.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "base/errors.h"

namespace holdfast {

absl::Duration AllowedAge(absl::Duration gc_delay, double headroom,
                          double used) {
  return gc_delay * std::clamp(1 - headroom - used, 0.0, 1.0);
}

absl::StatusOr<double> DiskUsed(const std::string& path) {
  struct statvfs disk;
  if (statvfs(path.c_str(), &disk) != 0) {
    return ErrnoStatus(errno, "statvfs", path);
  }
  const auto used = static_cast<double>(disk.f_blocks - disk.f_bfree);
  const double all = used + static_cast<double>(disk.f_bavail);
  return all > 0 ? used / all : 0.0;
}

}  // namespace holdfast
