#include "tests/integration/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/files.h"
#include "base/unique_fd.h"

namespace holdfast {
namespace {

absl::Status Run(const std::string& command) {
  const int status = system(absl::StrCat(command, " >/dev/null 2>&1").c_str());
  if (status == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(command, ": status ", status));
}

}  // namespace

SmallDisk::SmallDisk(std::string directory)
    : directory_(std::move(directory)), path_(directory_ + "/disk") {}

SmallDisk::SmallDisk(SmallDisk&& other) noexcept
    : directory_(std::exchange(other.directory_, "")),
      path_(std::move(other.path_)) {}

absl::StatusOr<SmallDisk> SmallDisk::Mount(int mebibytes) {
  char directory[] = "/tmp/holdfast-disk-XXXXXX";
  if (mkdtemp(directory) == nullptr) {
    return ErrnoStatus(errno, "mkdtemp", directory);
  }
  SmallDisk disk(directory);
  const std::string image = absl::StrCat(directory, "/image");
  HOLDFAST_RETURN_IF_ERROR(SystemFiles().MakeDirectory(disk.path_, 0755));
  HOLDFAST_RETURN_IF_ERROR(
      Run(absl::StrCat("truncate -s ", mebibytes, "M ", image)));
  HOLDFAST_RETURN_IF_ERROR(Run(absl::StrCat("mkfs.ext4 -q -F ", image)));
  HOLDFAST_RETURN_IF_ERROR(
      Run(absl::StrCat("mount -o loop ", image, " ", disk.path_)));
  return disk;
}

SmallDisk::~SmallDisk() {
  if (directory_.empty()) return;
  umount2(path_.c_str(), MNT_DETACH);  // an error: it was never mounted
  (void)RemoveTree(directory_);
}

absl::Status SmallDisk::Fill() const {
  const std::string path = path_ + "/filler";
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return ErrnoStatus(errno, "open", path);
  const std::vector<char> block(size_t{1024} * 1024, 'x');
  for (size_t bytes = block.size(); bytes > 0;) {
    if (write(fd.get(), block.data(), bytes) > 0) continue;
    if (errno != ENOSPC) return ErrnoStatus(errno, "write", path);
    bytes /= 2;
  }
  // What was delayed takes its blocks now.
  return fsync(fd.get()) == 0 ? absl::OkStatus()
                              : ErrnoStatus(errno, "fsync", path);
}

absl::Status SmallDisk::FreeUp() const {
  const std::string path = path_ + "/filler";
  if (unlink(path.c_str()) != 0) return ErrnoStatus(errno, "unlink", path);
  sync();  // its blocks are free once its removal is written
  return absl::OkStatus();
}

absl::Status SmallDisk::Fail() const {
  return Run(absl::StrCat("mount -o remount,abort ", path_));
}

}  // namespace holdfast
