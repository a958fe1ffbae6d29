#include "plugin/ctl/address.h"

#include <sys/un.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "plugin/ctl/failure.h"

namespace holdfast::ctl {
namespace {

constexpr size_t kLongestPath = sizeof(sockaddr_un{}.sun_path) - 1;

bool NamesAnotherScheme(absl::string_view path) {
  const size_t colon = path.find(':');
  return colon != absl::string_view::npos && colon < path.find('/');
}

}  // namespace

absl::StatusOr<std::string> SocketPath(absl::string_view address) {
  absl::string_view path = address;
  if (absl::ConsumePrefix(&path, "unix:")) {
    // unix://host/path has no meaning here: only an empty host.
    if (absl::StartsWith(path, "///")) path.remove_prefix(2);
    if (absl::StartsWith(path, "//")) {
      return UsageError(absl::StrCat("address ", address,
                                     ": write unix:/path or unix:///path"));
    }
  } else if (NamesAnotherScheme(path)) {
    return UsageError(absl::StrCat(
        "address ", address, ": only unix sockets are spoken to (unix:/path)"));
  }
  if (path.empty()) {
    return UsageError(absl::StrCat("address \"", address, "\" has no path"));
  }
  if (path.size() > kLongestPath) {
    return UsageError(
        absl::StrCat("address ", address, ": the path is ", path.size(),
                     " bytes, a socket's is at most ", kLongestPath));
  }
  return std::string(path);
}

}  // namespace holdfast::ctl
