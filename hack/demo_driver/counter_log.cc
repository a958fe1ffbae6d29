#include "hack/demo_driver/counter_log.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace holdfast::hack {

CounterLog ReadCounterLog(absl::string_view output) {
  CounterLog log;
  const size_t end = output.rfind('\n');
  if (end == absl::string_view::npos) return log;
  int64_t expected = 1;
  for (absl::string_view line : absl::StrSplit(output.substr(0, end), '\n')) {
    const std::pair<absl::string_view, absl::string_view> fields =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    int64_t number = 0;
    double seconds = 0;
    if (!absl::SimpleAtoi(fields.first, &number) ||
        !absl::SimpleAtod(fields.second, &seconds)) {
      ++log.damaged;
      continue;
    }
    const absl::Time time = absl::UnixEpoch() + absl::Seconds(seconds);
    if (log.lines > 0)
      log.longest_gap = std::max(log.longest_gap, time - log.last);
    if (number != expected) ++log.missing;
    ++log.lines;
    log.last = time;
    expected = number + 1;
  }
  return log;
}

}  // namespace holdfast::hack
