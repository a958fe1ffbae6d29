#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace holdfast::ctl {

inline constexpr char kDefaultAddress[] = "unix:/run/holdfast/holdfastd.sock";

// The socket's path in "unix:/p", "unix:///p" or a bare "/p". A usage error
// says which rule the address breaks; a path longer than a socket's name can
// be is one, since the kernel would cut it short.
absl::StatusOr<std::string> SocketPath(absl::string_view address);

}  // namespace holdfast::ctl
