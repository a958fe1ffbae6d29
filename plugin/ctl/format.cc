#include "plugin/ctl/format.h"

#include <string.h>

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "api/time_convert.h"

namespace holdfast::ctl {
namespace {

bool NeedsNoQuotes(absl::string_view word) {
  for (const char c : word) {
    if (!absl::ascii_isalnum(c) && strchr("_-./=:,@%+", c) == nullptr) {
      return false;
    }
  }
  return !word.empty();
}

}  // namespace

std::string FormatAge(absl::Duration age) {
  if (age < absl::ZeroDuration()) age = absl::ZeroDuration();
  if (age < absl::Minutes(1)) return absl::StrCat(age / absl::Seconds(1), "s");
  if (age < absl::Hours(1)) return absl::StrCat(age / absl::Minutes(1), "m");
  if (age < absl::Hours(48)) return absl::StrCat(age / absl::Hours(1), "h");
  return absl::StrCat(age / absl::Hours(24), "d");
}

std::string FormatBytes(uint64_t bytes) {
  constexpr absl::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return absl::StrCat(bytes, kUnits[unit]);
}

std::string FormatTime(const google::protobuf::Timestamp& timestamp) {
  if (timestamp.seconds() == 0 && timestamp.nanos() == 0) return "";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", FromProto(timestamp),
                          absl::UTCTimeZone());
}

std::string FormatResources(const v1::Resources& resources) {
  std::vector<std::string> parts;
  if (resources.has_cpus()) {
    parts.push_back(absl::StrCat("cpus ", resources.cpus()));
  }
  if (resources.has_memory_bytes()) {
    parts.push_back(
        absl::StrCat("memory ", FormatBytes(resources.memory_bytes())));
  }
  if (resources.has_pids()) {
    parts.push_back(absl::StrCat("pids ", resources.pids()));
  }
  return absl::StrJoin(parts, ", ");
}

std::string FormatCommand(
    const google::protobuf::RepeatedPtrField<std::string>& argv) {
  std::vector<std::string> words;
  for (const std::string& word : argv) {
    words.push_back(
        NeedsNoQuotes(word)
            ? word
            : absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}),
                           "'"));
  }
  return absl::StrJoin(words, " ");
}

std::string SignalName(int signal) {
  const char* name = sigabbrev_np(signal);
  return name == nullptr ? absl::StrCat("signal ", signal)
                         : absl::StrCat("SIG", name);
}

}  // namespace holdfast::ctl
