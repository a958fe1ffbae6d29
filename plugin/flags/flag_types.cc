#include "plugin/flags/flag_types.h"

#include <initializer_list>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/values.h"
#include "base/parse.h"

namespace holdfast {
namespace {

template <typename Enum>
bool ParseChoice(absl::string_view text, std::initializer_list<Enum> choices,
                 Enum* choice, std::string* error) {
  for (const Enum candidate : choices) {
    if (Name(candidate) != text) continue;
    *choice = candidate;
    return true;
  }
  *error = absl::StrCat(
      "allowed: ",
      absl::StrJoin(choices, ", ", [](std::string* out, Enum candidate) {
        absl::StrAppend(out, Name(candidate));
      }));
  return false;
}

}  // namespace

bool AbslParseFlag(absl::string_view text, DurationFlag* flag,
                   std::string* error) {
  const absl::StatusOr<absl::Duration> duration = ParseDuration(text);
  if (!duration.ok()) {
    *error = std::string(duration.status().message());
    return false;
  }
  flag->value = *duration;
  return true;
}

std::string AbslUnparseFlag(const DurationFlag& flag) {
  constexpr struct {
    const char* word;
    absl::Duration unit;
  } kUnits[] = {
      {"weeks", absl::Hours(7 * 24)}, {"days", absl::Hours(24)},
      {"hrs", absl::Hours(1)},        {"mins", absl::Minutes(1)},
      {"secs", absl::Seconds(1)},     {"ms", absl::Milliseconds(1)},
      {"us", absl::Microseconds(1)},
  };
  if (flag.value == absl::ZeroDuration()) return "0";
  for (const auto& [word, unit] : kUnits) {
    if (flag.value % unit == absl::ZeroDuration()) {
      return absl::StrCat(flag.value / unit, word);
    }
  }
  return absl::StrCat(absl::ToInt64Nanoseconds(flag.value), "ns");
}

bool AbslParseFlag(absl::string_view text, FractionFlag* flag,
                   std::string* error) {
  double fraction = 0;
  // Not written as !(a && b): a NaN is in no range.
  if (absl::SimpleAtod(text, &fraction) && fraction >= 0 && fraction <= 1) {
    flag->value = fraction;
    return true;
  }
  *error = "allowed: a fraction from 0 to 1, such as 0.1";
  return false;
}

std::string AbslUnparseFlag(const FractionFlag& flag) {
  return absl::StrCat(flag.value);
}

bool AbslParseFlag(absl::string_view text, CountFlag* flag,
                   std::string* error) {
  uint32_t count = 0;
  if (absl::SimpleAtoi(text, &count) && count > 0) {
    flag->value = count;
    return true;
  }
  *error = "allowed: a whole number, 1 or more";
  return false;
}

std::string AbslUnparseFlag(const CountFlag& flag) {
  return absl::StrCat(flag.value);
}

bool AbslParseFlag(absl::string_view text, IntervalFlag* flag,
                   std::string* error) {
  DurationFlag duration;
  if (!AbslParseFlag(text, &duration, error)) return false;
  flag->value = duration.value;
  if (flag->value > absl::ZeroDuration()) return true;
  *error = "allowed: more than zero";
  return false;
}

std::string AbslUnparseFlag(const IntervalFlag& flag) {
  return AbslUnparseFlag(DurationFlag{flag.value});
}

bool AbslParseFlag(absl::string_view text, AddressFlag* flag,
                   std::string* error) {
  flag->value = std::string(text);
  const size_t colon = text.rfind(':');
  uint32_t port = 0;
  if (text.empty() ||
      (colon != absl::string_view::npos && colon > 0 &&
       absl::SimpleAtoi(text.substr(colon + 1), &port) && port <= 65535)) {
    return true;
  }
  *error = "allowed: HOST:PORT, such as 127.0.0.1:9811, or nothing";
  return false;
}

std::string AbslUnparseFlag(const AddressFlag& flag) { return flag.value; }

bool AbslParseFlag(absl::string_view text, ResourcesFlag* flag,
                   std::string* error) {
  flag->text = std::string(text);
  const absl::Status parsed = ParseResources(text, &flag->value);
  *error = std::string(parsed.message());
  return parsed.ok();
}

std::string AbslUnparseFlag(const ResourcesFlag& flag) { return flag.text; }

bool AbslParseFlag(absl::string_view text, AttributesFlag* flag,
                   std::string* error) {
  flag->text = std::string(text);
  const absl::Status parsed = ParseAttributes(text, &flag->value);
  *error = std::string(parsed.message());
  return parsed.ok();
}

std::string AbslUnparseFlag(const AttributesFlag& flag) { return flag.text; }

bool AbslParseFlag(absl::string_view text, RecoverMode* mode,
                   std::string* error) {
  return ParseChoice(text, {RecoverMode::kReconnect, RecoverMode::kCleanup},
                     mode, error);
}

bool AbslParseFlag(absl::string_view text, ReconfigurationPolicy* policy,
                   std::string* error) {
  return ParseChoice(
      text,
      {ReconfigurationPolicy::kEqual, ReconfigurationPolicy::kAdditive,
       ReconfigurationPolicy::kAny},
      policy, error);
}

bool AbslParseFlag(absl::string_view text, OrphanPolicy* policy,
                   std::string* error) {
  return ParseChoice(
      text,
      {OrphanPolicy::kLeave, OrphanPolicy::kQuarantine, OrphanPolicy::kKill},
      policy, error);
}

}  // namespace holdfast
