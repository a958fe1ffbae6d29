#include "base/parse.h"

#include <limits>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace holdfast {
namespace {

absl::Status Invalid(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("\"", text, "\": ", why));
}

bool IsNumeric(char c) { return absl::ascii_isdigit(c) || c == '.'; }
bool IsLetter(char c) { return absl::ascii_isalpha(c); }

// Cuts the leading run of what `belongs` off `rest`.
template <typename Predicate>
absl::string_view TakeWhile(absl::string_view& rest, Predicate belongs) {
  size_t size = 0;
  while (size < rest.size() && belongs(rest[size])) ++size;
  const absl::string_view taken = rest.substr(0, size);
  rest.remove_prefix(size);
  return taken;
}

// Zero for a word that is no unit of time.
absl::Duration TimeUnit(absl::string_view word) {
  constexpr struct {
    absl::string_view word;
    absl::Duration unit;
  } kUnits[] = {
      {"ns", absl::Nanoseconds(1)},  {"us", absl::Microseconds(1)},
      {"ms", absl::Milliseconds(1)}, {"s", absl::Seconds(1)},
      {"sec", absl::Seconds(1)},     {"secs", absl::Seconds(1)},
      {"m", absl::Minutes(1)},       {"min", absl::Minutes(1)},
      {"mins", absl::Minutes(1)},    {"h", absl::Hours(1)},
      {"hr", absl::Hours(1)},        {"hrs", absl::Hours(1)},
      {"d", absl::Hours(24)},        {"day", absl::Hours(24)},
      {"days", absl::Hours(24)},     {"w", absl::Hours(7 * 24)},
      {"week", absl::Hours(7 * 24)}, {"weeks", absl::Hours(7 * 24)},
  };
  for (const auto& known : kUnits) {
    if (known.word == word) return known.unit;
  }
  return absl::ZeroDuration();
}

// 0 for a word that is no unit of size.
uint64_t ByteUnit(absl::string_view word) {
  std::string lower = absl::AsciiStrToLower(word);
  if (lower.empty() || lower == "b") return 1;
  absl::string_view letter = lower;
  if (!absl::ConsumeSuffix(&letter, "ib")) absl::ConsumeSuffix(&letter, "b");
  if (letter == "k") return uint64_t{1} << 10;
  if (letter == "m") return uint64_t{1} << 20;
  if (letter == "g") return uint64_t{1} << 30;
  if (letter == "t") return uint64_t{1} << 40;
  return 0;
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text) {
  absl::string_view rest = absl::StripAsciiWhitespace(text);
  if (rest.empty()) return Invalid(text, "no duration, such as 15mins");
  if (rest == "0") return absl::ZeroDuration();
  absl::Duration total;
  while (!rest.empty()) {
    const absl::string_view digits = TakeWhile(rest, IsNumeric);
    const absl::string_view word = TakeWhile(rest, IsLetter);
    double number = 0;
    if (!absl::SimpleAtod(digits, &number)) {
      return Invalid(text, "no duration, such as 15mins or 1h30m");
    }
    if (word.empty()) {
      return Invalid(text, absl::StrCat("a unit is missing, as in ", digits,
                                        "secs or ", digits, "mins"));
    }
    const absl::Duration unit = TimeUnit(word);
    if (unit == absl::ZeroDuration()) {
      return Invalid(text, absl::StrCat("no unit of time: ", word));
    }
    total += number * unit;
  }
  // What a Duration message can hold: some 10,000 years.
  if (total > absl::Seconds(315576000000)) return Invalid(text, "too long");
  return total;
}

absl::StatusOr<uint64_t> ParseBytes(absl::string_view text) {
  absl::string_view rest = absl::StripAsciiWhitespace(text);
  uint64_t number = 0;
  const absl::string_view digits = TakeWhile(rest, absl::ascii_isdigit);
  if (digits.empty()) return Invalid(text, "no size, such as 64MiB");
  if (!absl::SimpleAtoi(digits, &number)) return Invalid(text, "too large");
  const uint64_t unit = ByteUnit(rest);
  if (unit == 0) return Invalid(text, absl::StrCat("no unit of size: ", rest));
  if (number > std::numeric_limits<uint64_t>::max() / unit) {
    return Invalid(text, "too large");
  }
  return number * unit;
}

}  // namespace holdfast
