#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/unique_fd.h"

namespace holdfast {

// An open regular file whose writes are durable when they return OK.
class File {
 public:
  virtual ~File() = default;

  virtual absl::StatusOr<std::string> ReadAll() = 0;

  // OK: `bytes` at `offset` survive a power cut (O_DSYNC). Any error: what
  // reached the disk is unknown.
  virtual absl::Status WriteAt(uint64_t offset, absl::string_view bytes) = 0;

  // Takes the advisory lock of the file (flock, exclusive); it is held until
  // every descriptor of this opening is closed, here and in children that
  // inherited it. Unavailable: someone else holds it.
  virtual absl::Status TryLock() = 0;

  // Whether `path` still names this file (a rename may have replaced it).
  virtual absl::StatusOr<bool> IsStillAt(const std::string& path) = 0;

  // Borrowed, to be inherited by a child; -1 for a file that is not real.
  virtual int fd() const = 0;
};

// The file system; a test dies at any operation it likes (tests/fakes).
class Files {
 public:
  enum class Mode {
    kReadOnly,
    kReadWrite,
    kCreate,  // AlreadyExists when it is there; mode 0600
  };

  virtual ~Files() = default;

  virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path,
                                                     Mode mode) = 0;
  // A rename, removal or creation counts only after SyncDirectory.
  virtual absl::Status Rename(const std::string& from,
                              const std::string& to) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;
  virtual absl::Status SyncDirectory(const std::string& path) = 0;
  // OK also when the directory is there.
  virtual absl::Status MakeDirectory(const std::string& path, mode_t mode) = 0;
  // Names without "." and "..", sorted.
  virtual absl::StatusOr<std::vector<std::string>> List(
      const std::string& path) = 0;
};

// The real one; lives for ever.
Files& SystemFiles();

// A File from a descriptor that was inherited; `path` is for messages.
std::unique_ptr<File> FileFromFd(UniqueFd fd, std::string path);

// The directory that `path` is an entry of, for SyncDirectory.
std::string DirectoryOf(const std::string& path);

// Replaces `path` whole: a temporary file beside it, written durably, renamed
// over it, its directory synced. After an error the old content is still
// there.
absl::Status ReplaceFile(Files& files, const std::string& path,
                         absl::string_view content);

// Reads a file of the kernel's (/proc, /sys) or any small one, whole.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path);
absl::StatusOr<std::string> ReadSmallFileAt(int directory_fd,
                                            const std::string& name);

// One write(2) of `value` to a file that is there, as the kernel's files in
// /sys and /proc want it.
absl::Status WriteKernelFile(const std::string& path, absl::string_view value);

// Removes `path` and all below it; OK when it is not there. Symbolic links
// are removed, never followed.
absl::Status RemoveTree(const std::string& path);

}  // namespace holdfast
