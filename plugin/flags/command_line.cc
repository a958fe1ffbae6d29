#include "plugin/flags/command_line.h"

#include "absl/flags/reflection.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "plugin/flags/definitions.h"

namespace holdfast {
namespace {

// Answered by absl, which does not list them.
bool IsQuestion(absl::string_view name) {
  return absl::StartsWith(name, "help") || name == "version";
}

// absl's others would set flags past the order that holds here.
bool IsKnown(absl::string_view name) {
  const absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
  return flag != nullptr && absl::EndsWith(flag->Filename(), kDefinitionsFile);
}

bool IsBoolean(absl::string_view name) {
  const absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
  return flag != nullptr && flag->IsOfType<bool>();
}

absl::Status NoFlag(absl::string_view word) {
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", word, "\": holdfastd takes flags alone; see holdfastd --help"));
}

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> ReadCommandLine(
    int argc, const char* const* argv) {
  std::map<std::string, std::string> given;
  for (int i = 1; i < argc; ++i) {
    absl::string_view word = argv[i];
    if (word == "--" && i + 1 == argc) break;
    if (word == "--") return NoFlag(argv[i + 1]);
    if (!absl::ConsumePrefix(&word, "-") || word.empty()) {
      return NoFlag(argv[i]);
    }
    absl::ConsumePrefix(&word, "-");
    const size_t equals = word.find('=');
    absl::string_view name = word.substr(0, equals);
    const bool has_value = equals != absl::string_view::npos;
    absl::string_view negated = name;
    if (IsQuestion(name) || (IsKnown(name) && IsBoolean(name))) {
      given[std::string(name)] =
          has_value ? std::string(word.substr(equals + 1)) : "true";
    } else if (!has_value && absl::ConsumePrefix(&negated, "no") &&
               IsBoolean(negated)) {
      given[std::string(negated)] = "false";
    } else if (!IsKnown(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", name,
                       ": there is no such flag; see holdfastd "
                       "--help"));
    } else if (has_value) {
      given[std::string(name)] = std::string(word.substr(equals + 1));
    } else if (i + 1 < argc) {
      given[std::string(name)] = argv[++i];
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("--", name, ": its value is missing"));
    }
  }
  return given;
}

}  // namespace holdfast
