#include "shim/containerd/memory_file.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/errors.h"

namespace holdfast::containerd {

absl::StatusOr<UniqueFd> MemoryFile(absl::string_view content) {
  UniqueFd file(memfd_create("runtime", MFD_CLOEXEC));
  if (!file) return ErrnoStatus(errno, "memfd_create", "runtime");
  const ssize_t written = pwrite(file.get(), content.data(), content.size(), 0);
  if (written != static_cast<ssize_t>(content.size())) {
    return ErrnoStatus(written < 0 ? errno : ENOSPC, "write", "memfd");
  }
  return file;
}

std::string ContentOf(int memory_file) {
  std::string content;
  char buffer[4096];
  ssize_t got;
  while ((got = pread(memory_file, buffer, sizeof buffer,
                      static_cast<off_t>(content.size()))) > 0) {
    content.append(buffer, static_cast<size_t>(got));
  }
  return content;
}

}  // namespace holdfast::containerd
