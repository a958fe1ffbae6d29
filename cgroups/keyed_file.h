#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace holdfast {

// The number behind `key` in a text of lines "key number", as the kernel
// writes cpu.stat, memory.events and cgroup.events; unset: no such line.
std::optional<uint64_t> FindKeyed(absl::string_view text,
                                  absl::string_view key);

// A file of one number and a newline; unset: it is something else ("max").
std::optional<uint64_t> ParseNumber(absl::string_view text);

}  // namespace holdfast
