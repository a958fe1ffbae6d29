#include "plugin/ctl/spooled_output.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/unique_fd.h"

namespace holdfast::ctl {
namespace {

// The first byte at or after `offset` that is not in a hole; -1: there is none.
off_t SkipHoles(int fd, off_t offset) { return lseek(fd, offset, SEEK_DATA); }

// Clients of containerd, by the namespaces that they are known to use.
std::string ClientsCommand(const FoundTask& task) {
  if (task.name_space == "k8s.io") return absl::StrCat("crictl logs ", task.id);
  if (task.name_space == "moby") return absl::StrCat("docker logs ", task.id);
  return "ctr, nerdctl logs";
}

// `uri` as in shim/containerd/process_io.h.
std::string Reader(const std::string& uri, const FoundTask& task) {
  if (uri.empty()) return "nobody (/dev/null)";
  if (absl::StartsWith(uri, "file:")) return uri;
  if (absl::StartsWith(uri, "binary")) {
    return absl::StrCat("the logger ", uri.substr(0, uri.find('?')));
  }
  return absl::StrCat("containerd's client (", ClientsCommand(task), ")");
}

}  // namespace

absl::StatusOr<uint64_t> CopySpool(
    const std::string& path,
    const std::function<absl::Status(absl::string_view)>& sink) {
  const UniqueFd file(
      open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno == ENOENT) return 0;
  if (!file) return ErrnoStatus(errno, "open", path);
  std::vector<char> buffer(256 << 10);
  uint64_t copied = 0;
  off_t at = SkipHoles(file.get(), 0);
  while (at >= 0) {
    const ssize_t got = pread(file.get(), buffer.data(), buffer.size(), at);
    if (got < 0) return ErrnoStatus(errno, "read", path);
    if (got == 0) break;
    // A hole that was made meanwhile reads as zeros.
    if (const off_t still = SkipHoles(file.get(), at); still != at) {
      at = still;
      continue;
    }
    HOLDFAST_RETURN_IF_ERROR(sink({buffer.data(), static_cast<size_t>(got)}));
    copied += static_cast<uint64_t>(got);
    at = SkipHoles(file.get(), at + got);
  }
  return copied;
}

std::string WhereOutputGoes(const FoundTask& task) {
  const v1::ContainerdTask& said = task.facts->intent.containerd();
  const std::string out = Reader(said.stdout(), task);
  const std::string err = said.terminal() ? out : Reader(said.stderr(), task);
  return out == err ? absl::StrCat("its output goes to ", out)
                    : absl::StrCat("its stdout goes to ", out,
                                   ", its stderr to ", err);
}

}  // namespace holdfast::ctl
