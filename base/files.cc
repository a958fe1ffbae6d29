#include "base/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/volatile_files.h"

namespace holdfast {
namespace {

// What is read whole; a size that only damage can bring must not take all of
// the memory.
constexpr off_t kMostBytes = off_t{1} << 30;

class SystemFile : public File {
 public:
  SystemFile(UniqueFd fd, std::string path)
      : fd_(std::move(fd)), path_(std::move(path)) {}

  absl::StatusOr<std::string> ReadAll() override {
    struct stat info;
    if (fstat(fd_.get(), &info) != 0) return ErrnoStatus(errno, "stat", path_);
    if (S_ISDIR(info.st_mode)) return ErrnoStatus(EISDIR, "read", path_);
    if (!S_ISREG(info.st_mode)) {
      return absl::FailedPreconditionError(
          absl::StrCat("read ", path_, ": not a regular file"));
    }
    if (info.st_size > kMostBytes) {
      return absl::FailedPreconditionError(
          absl::StrCat("read ", path_, ": ", info.st_size,
                       " bytes, none of ours has more "
                       "than ",
                       kMostBytes));
    }
    std::string content(static_cast<size_t>(info.st_size), '\0');
    size_t done = 0;
    while (done < content.size()) {
      const ssize_t got =
          pread(fd_.get(), content.data() + done, content.size() - done,
                static_cast<off_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return ErrnoStatus(errno, "read", path_);
      if (got == 0) break;  // it was cut while we read
      done += static_cast<size_t>(got);
    }
    content.resize(done);
    return content;
  }

  absl::Status WriteAt(uint64_t offset, absl::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t put = pwrite(fd_.get(), bytes.data(), bytes.size(),
                                 static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return ErrnoStatus(errno, "write", path_);
      bytes.remove_prefix(static_cast<size_t>(put));
      offset += static_cast<uint64_t>(put);
    }
    return absl::OkStatus();
  }

  absl::Status TryLock() override {
    if (flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
      return ErrnoStatus(errno, "lock", path_);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<bool> IsStillAt(const std::string& path) override {
    struct stat ours, theirs;
    if (fstat(fd_.get(), &ours) != 0) return ErrnoStatus(errno, "stat", path_);
    if (stat(path.c_str(), &theirs) != 0) {
      if (errno == ENOENT) return false;
      return ErrnoStatus(errno, "stat", path);
    }
    return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
  }

  int fd() const override { return fd_.get(); }

 private:
  UniqueFd fd_;
  std::string path_;
};

class KernelFiles : public Files {
 public:
  explicit KernelFiles(bool durable) : durable_(durable) {}

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path,
                                             Mode mode) override {
    // Not blocking: a pipe in a file's place is no reason to wait for ever.
    int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    switch (mode) {
      case Mode::kReadOnly:
        flags |= O_RDONLY;
        break;
      case Mode::kReadWrite:
        flags |= O_RDWR;
        break;
      case Mode::kCreate:
        flags |= O_RDWR | O_CREAT | O_EXCL;
        break;
    }
    if (durable_ && mode != Mode::kReadOnly) flags |= O_DSYNC;
    UniqueFd fd(open(path.c_str(), flags, 0600));
    if (!fd) return ErrnoStatus(errno, "open", path);
    return std::make_unique<SystemFile>(std::move(fd), path);
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (rename(from.c_str(), to.c_str()) != 0) {
      return ErrnoStatus(errno, "rename", absl::StrCat(from, " to ", to));
    }
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0) return ErrnoStatus(errno, "remove", path);
    return absl::OkStatus();
  }

  absl::Status SyncDirectory(const std::string& path) override {
    if (!durable_) return absl::OkStatus();
    UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return ErrnoStatus(errno, "open", path);
    if (fsync(fd.get()) != 0) return ErrnoStatus(errno, "fsync", path);
    return absl::OkStatus();
  }

  absl::Status MakeDirectory(const std::string& path, mode_t mode) override {
    if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
      return ErrnoStatus(errno, "mkdir", path);
    }
    struct stat info;
    if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, "stat", path);
    if (!S_ISDIR(info.st_mode)) return ErrnoStatus(ENOTDIR, "mkdir", path);
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::string>> List(
      const std::string& path) override {
    DIR* directory = opendir(path.c_str());
    if (directory == nullptr) return ErrnoStatus(errno, "list", path);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(directory)) {
      const absl::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    const int error_number = errno;
    closedir(directory);
    if (error_number != 0) return ErrnoStatus(error_number, "list", path);
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  const bool durable_;
};

}  // namespace

Files& SystemFiles() {
  static KernelFiles files(/*durable=*/true);
  return files;
}

Files& VolatileFiles() {
  static KernelFiles files(/*durable=*/false);
  return files;
}

std::unique_ptr<File> FileFromFd(UniqueFd fd, std::string path) {
  return std::make_unique<SystemFile>(std::move(fd), std::move(path));
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

absl::Status ReplaceFile(Files& files, const std::string& path,
                         absl::string_view content) {
  const std::string temporary = absl::StrCat(path, ".new");
  // One that an earlier death left behind.
  if (absl::Status removed = files.Remove(temporary);
      !removed.ok() && !absl::IsNotFound(removed)) {
    return removed;
  }
  {
    HOLDFAST_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                              files.Open(temporary, Files::Mode::kCreate));
    HOLDFAST_RETURN_IF_ERROR(file->WriteAt(0, content));
  }
  HOLDFAST_RETURN_IF_ERROR(files.Rename(temporary, path));
  return files.SyncDirectory(DirectoryOf(path));
}

absl::Status RemoveTree(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  if (errno != EISDIR && errno != EPERM) {
    return ErrnoStatus(errno, "remove", path);
  }
  const absl::StatusOr<std::vector<std::string>> listed =
      SystemFiles().List(path);
  // Someone else removes it too.
  if (absl::IsNotFound(listed.status())) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> names, listed);
  for (const std::string& name : names) {
    HOLDFAST_RETURN_IF_ERROR(RemoveTree(absl::StrCat(path, "/", name)));
  }
  if (rmdir(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, "rmdir", path);
  }
  return absl::OkStatus();
}

}  // namespace holdfast
