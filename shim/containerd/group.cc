#include "shim/containerd/group.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/unix_socket.h"
#include "base/uuid.h"
#include "base/volatile_files.h"

namespace holdfast::containerd {
namespace {

std::string AddressFile(const std::string& directory) {
  return directory + "/socket";
}

std::string LockPath(const std::string& directory) {
  return directory + "/lock";
}

// `flags`: O_CREAT, or 0 where it must be there.
absl::StatusOr<UniqueFd> LockFile(const std::string& path, int flags) {
  UniqueFd lock(open(path.c_str(), O_RDWR | O_CLOEXEC | flags, 0600));
  if (!lock) return ErrnoStatus(errno, "open", path);
  while (flock(lock.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return ErrnoStatus(errno, "lock", path);
  }
  return lock;
}

// Also where more wait to be accepted than it takes: it is stopped, not dead.
bool IsServed(const std::string& socket) {
  const absl::Status dialled = ConnectUnix(socket).status();
  return dialled.ok() || absl::IsResourceExhausted(dialled);
}

// The lock goes last: who gets a new one finds nothing of the former.
void RemoveLocked(const std::string& directory) {
  (void)unlink(AddressFile(directory).c_str());
  (void)RemoveTree(directory);
}

bool IsLinked(int fd) {
  struct stat found;
  return fstat(fd, &found) == 0 && found.st_nlink > 0;
}

}  // namespace

absl::StatusOr<Group> Group::Lock(const Places& places,
                                  const std::string& name) {
  std::string directory = places.GroupDirectory(name);
  for (;;) {
    HOLDFAST_RETURN_IF_ERROR(MakeDirectories(directory));
    absl::StatusOr<UniqueFd> lock = LockFile(LockPath(directory), O_CREAT);
    // A shim that ends meanwhile removes it all.
    if (absl::IsNotFound(lock.status())) continue;
    if (!lock.ok()) return lock.status();
    if (IsLinked(lock->get())) {
      return Group(places, std::move(directory), *std::move(lock));
    }
  }
}

std::optional<std::string> Group::FindSocket() const {
  const absl::StatusOr<std::string> path =
      ReadSmallFile(AddressFile(directory_));
  if (!path.ok() || !IsServed(*path)) return std::nullopt;
  return *path;
}

absl::StatusOr<Group::Socket> Group::MakeSocket() const {
  HOLDFAST_RETURN_IF_ERROR(MakeDirectories(sockets_));
  Socket socket;
  socket.path = absl::StrCat(sockets_, "/", RandomUuid());
  HOLDFAST_ASSIGN_OR_RETURN(socket.listening, ListenUnix(socket.path, {}));
  HOLDFAST_RETURN_IF_ERROR(
      ReplaceFile(VolatileFiles(), AddressFile(directory_), socket.path));
  return socket;
}

void Group::Remove() const {
  const absl::StatusOr<std::string> socket =
      ReadSmallFile(AddressFile(directory_));
  if (socket.ok()) (void)unlink(socket->c_str());
  RemoveLocked(directory_);
}

void ForgetGroup(const Places& places, const std::string& name) {
  const absl::StatusOr<std::string> socket =
      ReadSmallFile(AddressFile(places.GroupDirectory(name)));
  if (!socket.ok()) return;
  // A shim that lives looks, for each that dials it, at what it still has.
  (void)ConnectUnix(*socket).ok();
  LeaveGroup(places, name, *socket);
}

void RemoveDeadGroup(const Places& places, const std::string& name) {
  const std::string directory = places.GroupDirectory(name);
  const absl::StatusOr<std::string> socket =
      ReadSmallFile(AddressFile(directory));
  if (!socket.ok() || IsServed(*socket)) return;
  LeaveGroup(places, name, *socket);
}

void LeaveGroup(const Places& places, const std::string& name,
                const std::string& socket) {
  (void)unlink(socket.c_str());
  const std::string directory = places.GroupDirectory(name);
  // Made anew, it would outlive a directory that another is about to remove.
  const absl::StatusOr<UniqueFd> lock = LockFile(LockPath(directory), 0);
  const absl::StatusOr<std::string> current =
      ReadSmallFile(AddressFile(directory));
  if (!lock.ok() || !IsLinked(lock->get())) return;  // somebody else did it
  // Another shim may have been made for the group since.
  if (!current.ok() || *current != socket) return;
  RemoveLocked(directory);
}

}  // namespace holdfast::containerd
