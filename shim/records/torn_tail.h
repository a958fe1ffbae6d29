#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace holdfast {

// Whether what stands at `at` of a journal, where no good frame is, can be an
// append that was broken off, by a power cut or by its writer's death: then it
// was never promised, and is cut off. A disk writes sectors of 512 bytes or
// not at all, in any order, over zeros, in a file that was long enough for the
// whole frame before. So at least one sector of a torn frame is still zero;
// what has none, reaches past the file's end, has an impossible length or is
// good but for one byte of its length was whole once, and is damage.
bool MayBeTorn(absl::string_view content, size_t at);

}  // namespace holdfast
