#include "shim/containerd/group_files.h"

#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/files.h"

namespace holdfast::containerd {

bool GroupFiles::exists() const {
  return !directory_.empty() && access(directory_.c_str(), F_OK) == 0;
}

std::string GroupFiles::Text(absl::string_view file) const {
  if (directory_.empty()) return "";
  return ReadSmallFile(absl::StrCat(directory_, "/", file)).value_or("");
}

std::optional<uint64_t> GroupFiles::Number(absl::string_view file,
                                           uint64_t max) const {
  const std::string text = Text(file);
  uint64_t number = 0;
  if (text == "max\n") return max;
  if (!absl::SimpleAtoi(text, &number)) return std::nullopt;
  return number;
}

void GroupFiles::ForEachKey(
    absl::string_view file,
    const std::function<void(absl::string_view, uint64_t)>& call) const {
  const std::string text = Text(file);
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const size_t space = line.find(' ');
    uint64_t value = 0;
    if (space == absl::string_view::npos ||
        !absl::SimpleAtoi(line.substr(space + 1), &value)) {
      continue;
    }
    call(line.substr(0, space), value);
  }
}

}  // namespace holdfast::containerd
