#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace holdfast::hack {

// What the output of a task that writes "<n> <seconds since 1970>" in a loop
// says of its life.
struct CounterLog {
  int64_t lines = 0;
  int64_t missing = 0;  // numbers that were passed over, or came twice
  int64_t damaged = 0;  // lines that are something else
  absl::Duration longest_gap;
  absl::Time last = absl::InfinitePast();
};

// A last line without its newline is still being written and is left out.
CounterLog ReadCounterLog(absl::string_view output);

}  // namespace holdfast::hack
