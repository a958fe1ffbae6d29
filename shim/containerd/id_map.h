#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/unique_fd.h"

namespace holdfast::containerd {

// A user namespace that nobody is in, for its maps alone: each
// "CONTAINER:HOST:SIZE[,…]", as options of mounts have them. InvalidArgument: a
// map is none.
absl::StatusOr<UniqueFd> MakeUserNamespace(absl::string_view uids,
                                           absl::string_view gids);

enum class Access { kAsItWas, kReadOnly };

// A copy, on no place yet, of what is mounted at `path`, in which files belong
// to whom `user_namespace` maps their owners to. An error too where the file
// system, or the kernel, cannot do it.
absl::StatusOr<UniqueFd> CopyMapped(const std::string& path,
                                    const UniqueFd& user_namespace,
                                    Access access);

absl::Status Attach(const UniqueFd& copy, const std::string& target);

}  // namespace holdfast::containerd
