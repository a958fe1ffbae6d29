#include "base/boot_id.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/files.h"

namespace holdfast {

absl::StatusOr<std::string> ReadBootId(const std::string& path) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(path));
  std::string boot_id(absl::StripAsciiWhitespace(text));
  if (boot_id.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("read boot id ", path, ": the file is empty"));
  }
  return boot_id;
}

}  // namespace holdfast
