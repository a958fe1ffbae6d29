#include "base/service_manager.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "absl/status/status.h"
#include "base/errors.h"
#include "base/log.h"
#include "base/unique_fd.h"

namespace holdfast {
namespace {

absl::Status Send(const std::string& path, absl::string_view lines) {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof address.sun_path) {
    return ErrnoStatus(ENAMETOOLONG, "notify", path);
  }
  memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';  // the abstract namespace
  const size_t length = offsetof(sockaddr_un, sun_path) + path.size();

  const UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return ErrnoStatus(errno, "socket", "AF_UNIX");
  if (sendto(fd.get(), lines.data(), lines.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&address),
             static_cast<socklen_t>(length)) < 0) {
    return ErrnoStatus(errno, "notify", path);
  }
  return absl::OkStatus();
}

}  // namespace

ServiceManager ServiceManager::FromEnvironment() {
  const char* const socket = getenv("NOTIFY_SOCKET");
  std::string path = socket == nullptr ? "" : socket;
  unsetenv("NOTIFY_SOCKET");
  return ServiceManager(std::move(path));
}

void ServiceManager::Tell(absl::string_view lines) const {
  if (socket_.empty()) return;
  const absl::Status told = Send(socket_, lines);
  if (!told.ok()) Log(Severity::kWarning, told.message());
}

}  // namespace holdfast
