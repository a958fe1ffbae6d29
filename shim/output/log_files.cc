#include "shim/output/log_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace holdfast::shim {
namespace {

constexpr mode_t kMode = 0640;  // its group may read, as logs are read

}  // namespace

LogFiles::LogFiles(std::string directory, std::string name,
                   uint64_t max_file_bytes, uint32_t max_files,
                   UniqueFd directory_fd)
    : directory_(std::move(directory)),
      name_(std::move(name)),
      max_file_bytes_(std::max<uint64_t>(max_file_bytes, 1)),
      max_files_(std::max<uint32_t>(max_files, 1)),
      directory_fd_(std::move(directory_fd)) {}

absl::StatusOr<LogFiles> LogFiles::Open(std::string directory, std::string name,
                                        uint64_t max_file_bytes,
                                        uint32_t max_files) {
  UniqueFd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return ErrnoStatus(errno, "open", directory);
  LogFiles files(std::move(directory), std::move(name), max_file_bytes,
                 max_files, std::move(fd));
  files.position_ = ReadLogPosition(files.directory_fd_.get(), files.name_);
  return files;
}

std::string LogFiles::NameOf(uint32_t index) const {
  return index == 0 ? name_ : absl::StrCat(name_, ".", index);
}

std::string LogFiles::PathOf(uint32_t index) const {
  return absl::StrCat(directory_, "/", NameOf(index));
}

absl::Status LogFiles::OpenCurrent() {
  // O_NONBLOCK: a FIFO in its place must not hold us up. Without O_APPEND,
  // which splice(2) refuses.
  const int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  UniqueFd file(openat(directory_fd_.get(), name_.c_str(), flags, kMode));
  if (!file) return ErrnoStatus(errno, "open", PathOf(0));
  struct stat info;
  if (fstat(file.get(), &info) != 0) {
    return ErrnoStatus(errno, "stat", PathOf(0));
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat("open ", PathOf(0), ": not a plain file"));
  }
  // Whatever our umask is.
  if (info.st_size == 0 && fchmod(file.get(), kMode) != 0) {
    return ErrnoStatus(errno, "chmod", PathOf(0));
  }
  file_ = std::move(file);
  size_ = static_cast<uint64_t>(info.st_size);
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> LogFiles::Room() {
  HOLDFAST_RETURN_IF_ERROR(MakeRoomFor(1));
  return max_file_bytes_ - size_;
}

absl::Status LogFiles::MakeRoomFor(uint64_t bytes) {
  if (file_ && size_ > 0 && size_ + bytes > max_file_bytes_) {
    HOLDFAST_RETURN_IF_ERROR(Rotate());
  }
  if (!file_) HOLDFAST_RETURN_IF_ERROR(OpenCurrent());
  return absl::OkStatus();
}

// Readers are told that names are about to change, and when it is over. Where
// the disk refuses even that, they see a moment's disorder at worst.
absl::Status LogFiles::Rotate() {
  position_.version |= 1;
  (void)WriteLogPosition(directory_fd_.get(), name_, position_);
  const absl::Status renamed = RenameAll();
  ++position_.version;
  (void)WriteLogPosition(directory_fd_.get(), name_, position_);
  return renamed;
}

// Moves each file one up to the first gap. A rotation that was cut short left
// its gap lower down, and the next one goes on there.
absl::Status LogFiles::RenameAll() {
  const int directory = directory_fd_.get();
  uint32_t gap = 1;
  while (gap < max_files_ && faccessat(directory, NameOf(gap).c_str(), F_OK,
                                       AT_SYMLINK_NOFOLLOW) == 0) {
    ++gap;
  }
  if (gap == max_files_) {
    --gap;  // the oldest goes; the current one where it is the only one
    struct stat oldest;
    const bool is_there = fstatat(directory, NameOf(gap).c_str(), &oldest,
                                  AT_SYMLINK_NOFOLLOW) == 0;
    if (unlinkat(directory, NameOf(gap).c_str(), 0) != 0 && errno != ENOENT) {
      return ErrnoStatus(errno, "remove", PathOf(gap));
    }
    if (is_there) {
      position_.dropped_bytes += static_cast<uint64_t>(oldest.st_size);
    }
  }
  for (uint32_t to = gap; to > 0; --to) {
    if (renameat(directory, NameOf(to - 1).c_str(), directory,
                 NameOf(to).c_str()) != 0 &&
        errno != ENOENT) {  // someone has removed it: nothing is in the way
      return ErrnoStatus(errno, "rename", PathOf(to - 1));
    }
  }
  file_.Reset();
  ++put_away_;
  return absl::OkStatus();
}

absl::Status LogFiles::SyncPutAway(uint32_t index) {
  const UniqueFd file(openat(directory_fd_.get(), NameOf(index).c_str(),
                             O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno == ENOENT) return absl::OkStatus();
  if (!file) return ErrnoStatus(errno, "open", PathOf(index));
  if (fdatasync(file.get()) != 0) {
    return ErrnoStatus(errno, "fdatasync", PathOf(index));
  }
  return absl::OkStatus();
}

absl::Status LogFiles::Sync() {
  if (file_ && fdatasync(file_.get()) != 0) {
    return ErrnoStatus(errno, "fdatasync", PathOf(0));
  }
  for (uint32_t i = 1; i <= put_away_ && i < max_files_; ++i) {
    HOLDFAST_RETURN_IF_ERROR(SyncPutAway(i));
  }
  if (fsync(directory_fd_.get()) != 0) {
    return ErrnoStatus(errno, "fsync", directory_);
  }
  put_away_ = 0;
  return absl::OkStatus();
}

}  // namespace holdfast::shim
