#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/status.h"

namespace holdfast {

// Where in its file the damage is that a status tells of, carried by it as a
// payload: whoever lists damage need not read it out of a sentence.
absl::Status WithOffset(absl::Status status, uint64_t offset);
std::optional<uint64_t> OffsetOf(const absl::Status& status);

// Likewise, that something good was written after what is damaged.
absl::Status AsFollowed(absl::Status status);
bool IsFollowed(const absl::Status& status);

}  // namespace holdfast
