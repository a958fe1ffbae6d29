#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace holdfast {

// Texts that go into a proto's string field: one that is not UTF-8 cannot be
// read back.

// The longest start of `text` that is at most `most` bytes and does not part
// the bytes of a character.
absl::string_view CutUtf8(absl::string_view text, size_t most);

// `text` with '?' for each byte that belongs to no character.
std::string MendUtf8(absl::string_view text);

}  // namespace holdfast
