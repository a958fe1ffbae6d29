#include "shim/containerd/io/file_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/errors.h"
#include "base/files.h"

namespace holdfast::containerd {
namespace {

absl::Status MakeParents(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    HOLDFAST_RETURN_IF_ERROR(
        SystemFiles().MakeDirectory(path.substr(0, slash), 0755));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Sink>> FileSink::Open(const std::string& path,
                                                     Mode mode) {
  if (mode == Mode::kCreate) HOLDFAST_RETURN_IF_ERROR(MakeParents(path));
  const int flags = mode == Mode::kCreate ? O_CREAT : 0;
  UniqueFd file(open(path.c_str(),
                     O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC | flags,
                     0644));
  if (!file) return ErrnoStatus(errno, "open", path);
  return std::make_unique<FileSink>(std::move(file));
}

Taken FileSink::TakeFrom(int, uint64_t) { return {.error = EINVAL}; }

Taken FileSink::Take(absl::string_view bytes) {
  uint64_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put =
        write(file_.get(), bytes.data() + done, bytes.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return {.bytes = done, .error = errno};
    done += static_cast<uint64_t>(put);
  }
  return {.bytes = done};
}

}  // namespace holdfast::containerd
