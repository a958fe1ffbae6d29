#include "shim/containerd/invocation.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/errors.h"

namespace holdfast::containerd {
namespace {

// containerd's bound for ids and namespaces.
constexpr size_t kMaxName = 76;

struct TextFlag {
  absl::string_view name;
  std::string Invocation::*field;
};
constexpr std::array kTextFlags = {
    TextFlag{"namespace", &Invocation::name_space},
    TextFlag{"id", &Invocation::id},
    TextFlag{"address", &Invocation::address},
    TextFlag{"bundle", &Invocation::bundle},
    TextFlag{"group", &Invocation::group},
    TextFlag{"socket", &Invocation::socket},
};

absl::StatusOr<Action> ParseAction(absl::string_view word) {
  if (word == "start") return Action::kStart;
  if (word == "delete") return Action::kDelete;
  return absl::InvalidArgumentError(
      absl::StrCat("action \"", word, "\": must be start or delete"));
}

class Parser {
 public:
  Parser(int argc, char** argv) : words_(argv + 1, argv + argc) {}

  absl::StatusOr<Invocation> Parse() {
    while (at_ < words_.size()) {
      HOLDFAST_RETURN_IF_ERROR(TakeWord());
    }
    const bool about_a_task =
        result_.action != Action::kVersion && result_.action != Action::kInfo;
    if (about_a_task) {
      HOLDFAST_RETURN_IF_ERROR(CheckName("-namespace", result_.name_space));
      HOLDFAST_RETURN_IF_ERROR(CheckName("-id", result_.id));
    }
    return std::move(result_);
  }

 private:
  absl::Status TakeWord() {
    absl::string_view word = words_[at_++];
    if (word.empty() || word[0] != '-') {
      // One before the last is the value of a flag.
      if (at_ < words_.size()) return absl::OkStatus();
      HOLDFAST_ASSIGN_OR_RETURN(result_.action, ParseAction(word));
      return absl::OkStatus();
    }
    word.remove_prefix(word.size() > 1 && word[1] == '-' ? 2 : 1);
    const size_t equals = word.find('=');
    const absl::string_view name = word.substr(0, equals);
    const auto flag =
        std::find_if(kTextFlags.begin(), kTextFlags.end(),
                     [&](const TextFlag& each) { return each.name == name; });
    if (flag == kTextFlags.end()) return TakeSwitch(name);
    if (equals != absl::string_view::npos) {
      result_.*flag->field = std::string(word.substr(equals + 1));
      return absl::OkStatus();
    }
    if (at_ == words_.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("-", name, ": needs a value"));
    }
    result_.*flag->field = std::string(words_[at_++]);
    return absl::OkStatus();
  }

  absl::Status TakeSwitch(absl::string_view name) {
    if (name == "v" || name == "version") result_.action = Action::kVersion;
    if (name == "info") result_.action = Action::kInfo;
    return absl::OkStatus();
  }

  std::vector<absl::string_view> words_;
  size_t at_ = 0;
  Invocation result_;
};

}  // namespace

absl::Status CheckName(absl::string_view what, absl::string_view name) {
  const auto is_plain = [](char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
  };
  if (!name.empty() && name.size() <= kMaxName &&
      absl::ascii_isalnum(name.front()) &&
      std::all_of(name.begin(), name.end(), is_plain)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      what, " \"", name, "\": must begin with a letter or a digit, have ",
      "those and \"-\", \"_\", \".\" alone, and at most ", kMaxName,
      " of them"));
}

absl::StatusOr<Invocation> ParseInvocation(int argc, char** argv) {
  return Parser(argc, argv).Parse();
}

}  // namespace holdfast::containerd
