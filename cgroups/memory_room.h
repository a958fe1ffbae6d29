#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace holdfast {

// v2 takes any memory.max, and kills until what is in use is below it. This is
// asked before one is lowered: what can be reclaimed of `group`, a directory,
// is (Linux 5.19), and nobody is killed. Dying in it leaves nothing behind.
// FailedPrecondition: more than `bytes` stay in use.
absl::Status MakeMemoryRoom(const std::string& group, uint64_t bytes);

}  // namespace holdfast
