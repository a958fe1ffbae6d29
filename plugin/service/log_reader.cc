#include "plugin/service/log_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/unique_fd.h"
#include "shim/output/log_position.h"

namespace holdfast {
namespace {

// Renaming takes microseconds. A shim that died in the midst of it leaves it
// unfinished for good: then what is there is read as it is.
constexpr int kTries = 1000;

struct OpenFile {
  UniqueFd fd;
  uint64_t size;
};

// The files as they are, the oldest first.
absl::StatusOr<std::vector<OpenFile>> OpenAll(int directory,
                                              const std::string& name) {
  std::vector<OpenFile> files;
  for (int index = 0;; ++index) {
    const std::string file = index == 0 ? name : absl::StrCat(name, ".", index);
    UniqueFd fd(openat(directory, file.c_str(),
                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd && errno == ENOENT) {
      if (index == 0) continue;  // put away, and nothing was written since
      break;
    }
    if (!fd) return ErrnoStatus(errno, "open", file);
    struct stat info;
    if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, "stat", file);
    files.push_back({std::move(fd), static_cast<uint64_t>(info.st_size)});
  }
  std::reverse(files.begin(), files.end());
  return files;
}

struct Snapshot {
  std::vector<OpenFile> files;
  uint64_t first_offset = 0;
};

absl::StatusOr<Snapshot> TakeSnapshot(int directory, const std::string& name) {
  for (int i = 0;; ++i) {
    const LogPosition before = ReadLogPosition(directory, name);
    HOLDFAST_ASSIGN_OR_RETURN(std::vector<OpenFile> files,
                              OpenAll(directory, name));
    const LogPosition after = ReadLogPosition(directory, name);
    const bool same = before.version == after.version;
    const bool renaming = before.version % 2 != 0;
    if (same && (!renaming || i >= kTries)) {
      return Snapshot{std::move(files), after.dropped_bytes};
    }
    // It is renamed faster than it can be looked at: nothing to read now.
    if (i >= kTries) return Snapshot();
  }
}

}  // namespace

absl::StatusOr<LogReader::Chunk> LogReader::Read(size_t most) {
  const UniqueFd directory(
      open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return ErrnoStatus(errno, "open", directory_);
  HOLDFAST_ASSIGN_OR_RETURN(const Snapshot snapshot,
                            TakeSnapshot(directory.get(), name_));
  Chunk chunk;
  if (snapshot.files.empty()) return Chunk();
  if (offset_ < snapshot.first_offset) {
    chunk.skipped_bytes = snapshot.first_offset - offset_;
    offset_ = snapshot.first_offset;
  }
  chunk.offset = offset_;
  uint64_t start = snapshot.first_offset;
  for (const OpenFile& file : snapshot.files) {
    const uint64_t end = start + file.size;
    if (offset_ < end) {
      chunk.data.resize(std::min<uint64_t>(most, end - offset_));
      const ssize_t got =
          pread(file.fd.get(), chunk.data.data(), chunk.data.size(),
                static_cast<off_t>(offset_ - start));
      if (got < 0) return ErrnoStatus(errno, "read", name_);
      chunk.data.resize(static_cast<size_t>(got));
      offset_ += static_cast<uint64_t>(got);
      return chunk;
    }
    start = end;
  }
  return chunk;
}

}  // namespace holdfast
