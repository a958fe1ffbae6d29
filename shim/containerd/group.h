#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/unique_fd.h"
#include "shim/containerd/places.h"

namespace holdfast::containerd {

// The shim of a group of containers (of a pod; or of one container, which is
// its own group): which it is stands in the group's directory, that holds the
// address of its socket. One at a time finds or makes it.
class Group {
 public:
  // Waits for others that do the same.
  static absl::StatusOr<Group> Lock(const Places& places,
                                    const std::string& name);

  // The socket of a shim that takes connections; nothing: there is none.
  std::optional<std::string> FindSocket() const;
  // A new socket, which others find from now on.
  struct Socket {
    std::string path;
    UniqueFd listening;
  };
  absl::StatusOr<Socket> MakeSocket() const;
  // Nobody serves it: nothing is left of it.
  void Remove() const;

 private:
  Group(const Places& places, std::string directory, UniqueFd lock)
      : sockets_(places.sockets),
        directory_(std::move(directory)),
        lock_(std::move(lock)) {}

  std::string sockets_;
  std::string directory_;
  UniqueFd lock_;
};

// Nobody finds the shim of the group any more, whatever became of it.
void ForgetGroup(const Places& places, const std::string& name);
// The same, where it has died.
void RemoveDeadGroup(const Places& places, const std::string& name);

// The shim ends: nobody finds `socket` any more.
void LeaveGroup(const Places& places, const std::string& name,
                const std::string& socket);

}  // namespace holdfast::containerd
