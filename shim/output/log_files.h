#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/unique_fd.h"
#include "shim/output/log_position.h"

namespace holdfast::shim {

// The files of one stream: `name` is written, `name`.1 is the one before it,
// and so on. Whoever writes asks for Room() first, so that no file grows past
// its bound. The executor may own the directory, so nothing here follows a
// link or opens what is not a plain file.
class LogFiles {
 public:
  // Goes on at the end of the current file, or makes it (mode 0640): not yet,
  // but with the first Room() or MakeRoomFor(), as making a file takes time
  // that a launch need not wait for.
  static absl::StatusOr<LogFiles> Open(std::string directory, std::string name,
                                       uint64_t max_file_bytes,
                                       uint32_t max_files);

  // How many bytes the current file still takes, at least one: a full one is
  // put away first. An error: there is nothing to write to now; asking again
  // tries again, and no file is removed or moved twice for it.
  absl::StatusOr<uint64_t> Room();
  // Puts the current file away when it cannot take `bytes` more. An empty one
  // takes anything.
  absl::Status MakeRoomFor(uint64_t bytes);

  // The current file and where its end is; after a successful Room().
  int fd() const { return file_.get(); }
  uint64_t end() const { return size_; }
  // So many bytes were written at end().
  void Grew(uint64_t bytes) { size_ += bytes; }

  // All that was written through this object is on disk (fdatasync).
  absl::Status Sync();

 private:
  LogFiles(std::string directory, std::string name, uint64_t max_file_bytes,
           uint32_t max_files, UniqueFd directory_fd);
  std::string NameOf(uint32_t index) const;
  std::string PathOf(uint32_t index) const;
  absl::Status OpenCurrent();
  absl::Status Rotate();
  absl::Status RenameAll();
  absl::Status SyncPutAway(uint32_t index);

  std::string directory_;
  std::string name_;
  uint64_t max_file_bytes_;
  uint32_t max_files_;
  UniqueFd directory_fd_;
  UniqueFd file_;
  uint64_t size_ = 0;
  uint32_t put_away_ = 0;  // files since the last Sync
  LogPosition position_;
};

}  // namespace holdfast::shim
