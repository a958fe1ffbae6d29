#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace holdfast {

struct SocketOwner {
  mode_t mode = 0600;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
};

// Unix stream sockets by path, close-on-exec. A path that does not fit into a
// socket address (107 bytes) is reached through its directory's descriptor, so
// that only its last component must fit.

// Binds, listens and sets the owner before anyone can connect; a socket file
// that is there is replaced. Non-blocking.
absl::StatusOr<UniqueFd> ListenUnix(const std::string& path,
                                    const SocketOwner& owner);

// Non-blocking. Unavailable: nobody listens there any more (ECONNREFUSED).
// NotFound: no such socket. ResourceExhausted: its queue is full (EAGAIN).
absl::StatusOr<UniqueFd> ConnectUnix(const std::string& path);

// Two connected ends.
absl::StatusOr<std::pair<UniqueFd, UniqueFd>> UnixPair();

// The longest path that others (gRPC, executors) can use as it is.
inline constexpr size_t kMaxSocketPath = 107;

}  // namespace holdfast
