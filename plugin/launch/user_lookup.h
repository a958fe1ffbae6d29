#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace holdfast {

struct ResolvedUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::string name;  // empty: a number that NSS does not know
  std::string home;
};

// "name", "uid", "name:group" or "uid:gid", through NSS (which the shim does
// not have). NotFound: "user nobody2: no such user".
absl::StatusOr<ResolvedUser> LookUpUser(const std::string& user);

}  // namespace holdfast
