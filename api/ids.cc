#include "api/ids.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace holdfast {
namespace {

constexpr size_t kMaxIdLength = 242;

}  // namespace

absl::Status ValidateId(absl::string_view what, absl::string_view id) {
  const auto invalid = [&](absl::string_view rule) {
    // A very long id would make a very long message.
    return absl::InvalidArgumentError(
        absl::StrCat(what, " \"", absl::CEscape(id.substr(0, 64)),
                     id.size() > 64 ? "…" : "", "\" ", rule));
  };
  if (id.empty()) return invalid("must not be empty");
  if (id.size() > kMaxIdLength) {
    return invalid(absl::StrCat("has ", id.size(),
                                " characters; at most 242 are allowed"));
  }
  if (id == "." || id == "..") return invalid("must not be \".\" or \"..\"");
  for (const char c : id) {
    if (c == '/') return invalid("must not contain \"/\"");
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return invalid("must not contain control characters");
    }
  }
  return absl::OkStatus();
}

}  // namespace holdfast
