#include "base/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace holdfast {
namespace {

constexpr int kBacklog = 128;

// An address that means `path`; `directory` keeps it meaning that.
struct Address {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  UniqueFd directory;
};

absl::StatusOr<Address> AddressOf(const std::string& path) {
  Address result;
  std::string name = path;
  if (path.size() > kMaxSocketPath) {
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) {
      return ErrnoStatus(ENAMETOOLONG, "socket", path);
    }
    const std::string directory = path.substr(0, slash + 1);
    result.directory =
        UniqueFd(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!result.directory) return ErrnoStatus(errno, "open", directory);
    name = absl::StrCat("/proc/self/fd/", result.directory.get(), "/",
                        path.substr(slash + 1));
    if (name.size() > kMaxSocketPath) {
      return ErrnoStatus(ENAMETOOLONG, "socket", path);
    }
  }
  memcpy(result.address.sun_path, name.data(), name.size());
  return result;
}

absl::StatusOr<UniqueFd> MakeSocket() {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return ErrnoStatus(errno, "socket", "AF_UNIX");
  return fd;
}

const sockaddr* Generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address.address);
}

}  // namespace

absl::StatusOr<UniqueFd> ListenUnix(const std::string& path,
                                    const SocketOwner& owner) {
  HOLDFAST_ASSIGN_OR_RETURN(const Address address, AddressOf(path));
  HOLDFAST_ASSIGN_OR_RETURN(UniqueFd fd, MakeSocket());
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, "remove", path);
  }
  if (bind(fd.get(), Generic(address), sizeof address.address) != 0) {
    return ErrnoStatus(errno, "bind", path);
  }
  if (chmod(path.c_str(), owner.mode) != 0) {
    return ErrnoStatus(errno, "chmod", path);
  }
  if ((owner.uid || owner.gid) && chown(path.c_str(), owner.uid.value_or(-1),
                                        owner.gid.value_or(-1)) != 0) {
    return ErrnoStatus(errno, "chown", path);
  }
  if (listen(fd.get(), kBacklog) != 0) {
    return ErrnoStatus(errno, "listen", path);
  }
  return fd;
}

absl::StatusOr<UniqueFd> ConnectUnix(const std::string& path) {
  HOLDFAST_ASSIGN_OR_RETURN(const Address address, AddressOf(path));
  HOLDFAST_ASSIGN_OR_RETURN(UniqueFd fd, MakeSocket());
  if (connect(fd.get(), Generic(address), sizeof address.address) != 0) {
    if (errno == EAGAIN) {
      return absl::ResourceExhaustedError(
          absl::StrCat("connect ", path, ": its queue is full"));
    }
    return ErrnoStatus(errno, "connect", path);
  }
  return fd;
}

absl::StatusOr<std::pair<UniqueFd, UniqueFd>> UnixPair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                 ends) != 0) {
    return ErrnoStatus(errno, "socketpair", "AF_UNIX");
  }
  return std::make_pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

}  // namespace holdfast
