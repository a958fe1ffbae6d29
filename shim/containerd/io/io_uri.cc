#include "shim/containerd/io/io_uri.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace holdfast::containerd {
namespace {

// "%2f" is one byte; in a query "+" is a space. Null: a "%" without two digits.
std::optional<std::string> Unescape(absl::string_view text, bool in_query) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && in_query) {
      plain += ' ';
    } else if (text[i] != '%') {
      plain += text[i];
    } else {
      const absl::string_view digits = text.substr(i + 1, 2);
      if (digits.size() != 2 || !absl::ascii_isxdigit(digits[0]) ||
          !absl::ascii_isxdigit(digits[1])) {
        return std::nullopt;
      }
      plain += absl::HexStringToBytes(digits);
      i += 2;
    }
  }
  return plain;
}

// As containerd makes a command line of a query: each key once, with the first
// value that it has; a pair that is not well formed is passed over.
std::vector<std::string> ArgumentsOf(absl::string_view query) {
  std::vector<std::string> keys;
  std::vector<std::string> arguments;
  for (const absl::string_view pair :
       absl::StrSplit(query, '&', absl::SkipEmpty())) {
    if (absl::StrContains(pair, ';')) continue;
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(pair, absl::MaxSplits('=', 1));
    const std::optional<std::string> key = Unescape(parts.first, true);
    const std::optional<std::string> value = Unescape(parts.second, true);
    if (!key || !value) continue;
    if (std::find(keys.begin(), keys.end(), *key) != keys.end()) continue;
    keys.push_back(*key);
    arguments.push_back(*key);
    arguments.push_back(*value);
  }
  return arguments;
}

}  // namespace

absl::StatusOr<IoUri> ParseIoUri(absl::string_view text) {
  IoUri uri;
  if (text.empty()) return uri;
  const size_t colon = text.find("://");
  if (colon == absl::string_view::npos) {
    uri.kind = IoUri::Kind::kFifo;
    uri.path = std::string(text);
    return uri;
  }
  const absl::string_view scheme = text.substr(0, colon);
  if (scheme == "fifo") {
    uri.kind = IoUri::Kind::kFifo;
  } else if (scheme == "file") {
    uri.kind = IoUri::Kind::kFile;
  } else if (scheme == "binary" || scheme == "binary-v2") {
    uri.kind = IoUri::Kind::kBinary;
    uri.says_ready = scheme == "binary-v2";
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("stdio \"", text, "\": unknown scheme \"", scheme, "\""));
  }
  absl::string_view rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(rest, absl::MaxSplits('?', 1));
  const std::optional<std::string> path = Unescape(parts.first, false);
  if (!path || !absl::StartsWith(*path, "/")) {
    return absl::InvalidArgumentError(
        absl::StrCat("stdio \"", text, "\": no absolute path"));
  }
  uri.path = *path;
  if (uri.kind == IoUri::Kind::kBinary) {
    uri.arguments = ArgumentsOf(parts.second);
  }
  return uri;
}

}  // namespace holdfast::containerd
