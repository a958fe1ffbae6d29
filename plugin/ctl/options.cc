#include "plugin/ctl/options.h"

#include <getopt.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/parse.h"
#include "plugin/ctl/address.h"
#include "plugin/ctl/failure.h"

namespace holdfast::ctl {
namespace {

// Values of getopt_long for the long options: above every letter.
constexpr int kFirstLong = 256;

absl::Status TakeFormat(absl::string_view text, OutputFormat& format) {
  if (text == "table") {
    format = OutputFormat::kTable;
  } else if (text == "json") {
    format = OutputFormat::kJson;
  } else {
    return UsageError(absl::StrCat("\"", text, "\" is neither table nor json"));
  }
  return absl::OkStatus();
}

// The option as the user wrote it, for getopt's '?' and ':'.
std::string Culprit(char** argv) {
  const absl::string_view word = argv[optind - 1];
  if (absl::StartsWith(word, "--") || optopt == 0) {
    return std::string(word.substr(0, word.find('=')));
  }
  return absl::StrCat("-", std::string(1, static_cast<char>(optopt)));
}

// '?' is an option that does not exist, one cut too short to be clear, or
// (optopt is then known) one given a value that it does not take.
absl::Status Refusal(char** argv) {
  const std::string option = Culprit(argv);
  if (optopt >= kFirstLong) {
    return UsageError(absl::StrCat("option ", option, " takes no value"));
  }
  return UsageError(absl::StrCat("unknown option ", option));
}

}  // namespace

OptionParser::OptionParser(Globals& globals) : globals_(globals) {
  Add(0, "address", [this](absl::string_view text) -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(globals_.socket_path, SocketPath(text));
    return absl::OkStatus();
  });
  Add('o', "output", [this](absl::string_view text) {
    return TakeFormat(text, globals_.format);
  });
  AddDuration(0, "timeout", &globals_.timeout);
  AddFlag('h', "help", &globals_.help);
  AddFlag(0, "version", &globals_.version);
}

void OptionParser::AddFlag(char letter, const char* name, bool* value) {
  options_.push_back(
      {letter, name, /*has_argument=*/false, [value](absl::string_view) {
         *value = true;
         return absl::OkStatus();
       }});
}

void OptionParser::AddText(char letter, const char* name, std::string* value) {
  Add(letter, name, [value](absl::string_view text) {
    *value = std::string(text);
    return absl::OkStatus();
  });
}

void OptionParser::AddDuration(char letter, const char* name,
                               std::optional<absl::Duration>* value) {
  Add(letter, name, [value](absl::string_view text) -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(*value, ParseDuration(text));
    return absl::OkStatus();
  });
}

void OptionParser::Add(char letter, const char* name, Take take) {
  options_.push_back({letter, name, /*has_argument=*/true, std::move(take)});
}

absl::StatusOr<std::vector<std::string>> OptionParser::Parse(int argc,
                                                             char** argv) {
  return Run(argc, argv, ":");
}

absl::StatusOr<std::vector<std::string>> OptionParser::ParseUpToOperand(
    int argc, char** argv) {
  return Run(argc, argv, "+:");
}

absl::StatusOr<std::vector<std::string>> OptionParser::Run(
    int argc, char** argv, std::string letters) {
  std::vector<option> longs;
  for (size_t i = 0; i < options_.size(); ++i) {
    const Option& known = options_[i];
    longs.push_back({known.name,
                     known.has_argument ? required_argument : no_argument,
                     nullptr, kFirstLong + static_cast<int>(i)});
    if (known.letter == 0) continue;
    absl::StrAppend(&letters, std::string(1, known.letter),
                    known.has_argument ? ":" : "");
  }
  longs.push_back({});
  optind = 0;  // glibc: begin anew
  int got = 0;
  while ((got = getopt_long(argc, argv, letters.c_str(), longs.data(),
                            nullptr)) != -1) {
    if (got == ':') {
      return UsageError(
          absl::StrCat("option ", Culprit(argv), " needs a value"));
    }
    if (got == '?') return Refusal(argv);
    size_t index = 0;
    while (got < kFirstLong ? options_[index].letter != got
                            : static_cast<int>(index) != got - kFirstLong) {
      ++index;
    }
    const absl::Status taken =
        options_[index].take(optarg == nullptr ? "" : optarg);
    if (!taken.ok()) {
      return UsageError(
          absl::StrCat("--", options_[index].name, " ", taken.message()));
    }
  }
  if (globals_.help || globals_.version) return HelpAsked();
  return std::vector<std::string>(argv + optind, argv + argc);
}

absl::Status ExpectNone(const std::vector<std::string>& operands) {
  if (operands.empty()) return absl::OkStatus();
  return UsageError(absl::StrCat("unexpected \"", operands.front(), "\""));
}

absl::Status ExpectOne(const std::vector<std::string>& operands,
                       absl::string_view what) {
  HOLDFAST_RETURN_IF_ERROR(ExpectSome(operands, what));
  if (operands.size() == 1) return absl::OkStatus();
  return UsageError(absl::StrCat("one ", what, " at a time: unexpected \"",
                                 operands[1], "\""));
}

absl::Status ExpectSome(const std::vector<std::string>& operands,
                        absl::string_view what) {
  if (operands.empty()) return UsageError(absl::StrCat("needs a ", what));
  for (const std::string& operand : operands) {
    if (operand.empty()) return UsageError(absl::StrCat("an empty ", what));
  }
  return absl::OkStatus();
}

}  // namespace holdfast::ctl
