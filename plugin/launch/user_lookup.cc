#include "plugin/launch/user_lookup.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errors.h"

namespace holdfast {
namespace {

constexpr size_t kLookUpBuffer = 64 * 1024;
// setresuid(2) and setresgid(2) take it for "leave it as it is".
constexpr uint32_t kNoId = ~uint32_t{0};

absl::StatusOr<gid_t> LookUpGroup(const std::string& group) {
  gid_t gid = 0;
  if (absl::SimpleAtoi(group, &gid) && gid != kNoId) return gid;
  std::vector<char> buffer(kLookUpBuffer);
  struct group entry;
  struct group* found = nullptr;
  const int error =
      getgrnam_r(group.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (error != 0) return ErrnoStatus(error, "look up group", group);
  if (found == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("group ", group, ": no such group"));
  }
  return found->gr_gid;
}

std::vector<gid_t> GroupsOf(const std::string& name, gid_t gid) {
  std::vector<gid_t> groups(64);
  int count = static_cast<int>(groups.size());
  while (getgrouplist(name.c_str(), gid, groups.data(), &count) < 0) {
    groups.resize(groups.size() * 2);
    count = static_cast<int>(groups.size());
  }
  groups.resize(static_cast<size_t>(count));
  return groups;
}

}  // namespace

absl::StatusOr<ResolvedUser> LookUpUser(const std::string& user) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(user, absl::MaxSplits(':', 1));
  ResolvedUser resolved;
  const bool is_number =
      absl::SimpleAtoi(parts.first, &resolved.uid) && resolved.uid != kNoId;
  std::vector<char> buffer(kLookUpBuffer);
  passwd entry;
  passwd* found = nullptr;
  const int error = is_number
                        ? getpwuid_r(resolved.uid, &entry, buffer.data(),
                                     buffer.size(), &found)
                        : getpwnam_r(parts.first.c_str(), &entry, buffer.data(),
                                     buffer.size(), &found);
  if (error != 0) return ErrnoStatus(error, "look up user", parts.first);
  if (found == nullptr && !is_number) {
    return absl::NotFoundError(
        absl::StrCat("user ", parts.first, ": no such user"));
  }
  if (found != nullptr) {
    resolved.uid = found->pw_uid;
    resolved.gid = found->pw_gid;
    resolved.name = found->pw_name;
    resolved.home = found->pw_dir;
  } else {
    resolved.gid = static_cast<gid_t>(resolved.uid);
  }
  if (!parts.second.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(resolved.gid, LookUpGroup(parts.second));
  }
  resolved.groups = resolved.name.empty()
                        ? std::vector<gid_t>{resolved.gid}
                        : GroupsOf(resolved.name, resolved.gid);
  return resolved;
}

}  // namespace holdfast
