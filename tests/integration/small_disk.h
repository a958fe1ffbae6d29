#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace holdfast {

// An ext4 of its own in a file, mounted by loop: it can be filled, and can
// fail, with nobody else noticing.
class SmallDisk {
 public:
  // Errors: this host cannot mount one (no loop devices, no mkfs.ext4).
  static absl::StatusOr<SmallDisk> Mount(int mebibytes);
  SmallDisk(SmallDisk&& other) noexcept;
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk();  // unmounts, whoever still has files in it

  const std::string& path() const { return path_; }

  // Until not one byte fits, root's reserve included; and back.
  absl::Status Fill() const;
  absl::Status FreeUp() const;
  // From now on every write is an error (EROFS), as after an error of the
  // device. There is no way back.
  absl::Status Fail() const;

 private:
  explicit SmallDisk(std::string directory);

  std::string directory_;  // of the image and the mount point
  std::string path_;
};

}  // namespace holdfast
