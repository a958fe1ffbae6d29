#include "api/owners.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/ids.h"

namespace holdfast {

std::string FrameworkOfOwner(absl::string_view owner) {
  return absl::StrCat(kOwnerPrefix, owner);
}

bool IsOwnersFramework(absl::string_view framework_id) {
  return absl::StartsWith(framework_id, kOwnerPrefix);
}

absl::Status ValidateOwner(absl::string_view owner) {
  absl::Status valid = ValidateId("owner", owner);
  if (!valid.ok()) return valid;
  return ValidateId("owner, as a framework,", FrameworkOfOwner(owner));
}

absl::Status CheckNotAnOwners(absl::string_view framework_id) {
  if (!IsOwnersFramework(framework_id)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "framework_id \"", framework_id, "\" begins with \"", kOwnerPrefix,
      "\", which is for owners of containers (the service Containerizer)"));
}

}  // namespace holdfast
