#include "shim/containerd/options_text.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errors.h"

namespace holdfast::containerd {
namespace {

absl::Status MustBe(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("must be ", what));
}

// Without escapes, which no path needs.
absl::Status Take(absl::string_view value, std::string& text) {
  const bool quoted = value.size() >= 2 && value.front() == value.back() &&
                      (value.front() == '"' || value.front() == '\'');
  if (!quoted) return MustBe("a text in quotes");
  text = std::string(value.substr(1, value.size() - 2));
  if (text.find_first_of("\\\"'") != std::string::npos) {
    return MustBe("without quotes and backslashes in it");
  }
  return absl::OkStatus();
}

absl::Status Take(absl::string_view value, bool& flag) {
  if (value != "true" && value != "false") return MustBe("true or false");
  flag = value == "true";
  return absl::OkStatus();
}

absl::Status Take(absl::string_view value, uint32_t& number) {
  if (!absl::SimpleAtoi(value, &number)) return MustBe("a number");
  return absl::OkStatus();
}

absl::Status TakeOption(absl::string_view name, absl::string_view value,
                        TaskOptions& options) {
  if (name == "BinaryName") return Take(value, options.binary);
  if (name == "Root") return Take(value, options.root);
  if (name == "SystemdCgroup") return Take(value, options.systemd_cgroup);
  if (name == "NoPivotRoot") return Take(value, options.no_pivot_root);
  if (name == "NoNewKeyring") return Take(value, options.no_new_keyring);
  if (name == "ShimCgroup") return Take(value, options.shim_cgroup);
  if (name == "IoUid") return Take(value, options.io_uid);
  if (name == "IoGid") return Take(value, options.io_gid);
  if (name == "CriuImagePath") return Take(value, options.criu_image_path);
  if (name == "CriuWorkPath") return Take(value, options.criu_work_path);
  if (name == "CriuPath") {  // runc finds its own since long
    std::string ignored;
    return Take(value, ignored);
  }
  return absl::InvalidArgumentError("is none of runc's options");
}

absl::string_view WithoutComment(absl::string_view line) {
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (quote != 0) {
      if (line[i] == quote) quote = 0;
    } else if (line[i] == '"' || line[i] == '\'') {
      quote = line[i];
    } else if (line[i] == '#') {
      return line.substr(0, i);
    }
  }
  return line;
}

}  // namespace

absl::StatusOr<TaskOptions> ParseOptionsText(absl::string_view text) {
  TaskOptions options;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(WithoutComment(line));
    if (line.empty()) continue;
    const size_t equals = line.find('=');
    if (equals == absl::string_view::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, ": must be NAME = VALUE"));
    }
    const absl::string_view name =
        absl::StripAsciiWhitespace(line.substr(0, equals));
    const absl::string_view value =
        absl::StripAsciiWhitespace(line.substr(equals + 1));
    HOLDFAST_RETURN_IF_ERROR(
        Annotate(TakeOption(name, value, options),
                 absl::StrCat("line ", number, ": ", name, " ", value)));
  }
  return options;
}

}  // namespace holdfast::containerd
