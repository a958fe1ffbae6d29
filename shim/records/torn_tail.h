#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace holdfast {

// Whether what stands at `at` of a journal, where no good frame is, can be an
// append that was broken off, by a power cut or by its writer's death: then it
// was never promised, and is cut off. It was written over zeros, in a file that
// was long enough for the whole frame before. A disk writes sectors of 512
// bytes or not at all, in any order: at least one of them is still zero. A
// writer that is killed has copied a front of it, up to a page's end as a rule:
// the last bytes, of which this asks for four, are zero. What has neither,
// reaches past the file's end, has an impossible length or is good but for one
// byte of its length was whole once, and is damage.
bool MayBeTorn(absl::string_view content, size_t at);

}  // namespace holdfast
