#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace holdfast {

// The bytes of one append to a journal; journal.h has the layout.
inline constexpr size_t kFrameHeadBytes = 8;  // length and crc

// Adds the frame that holds `payloads` to `out`.
void AppendFrame(absl::Span<const std::string> payloads, std::string* out);

// What the head at `at`, which is all there, says of its body's length.
size_t FrameLengthAt(absl::string_view content, size_t at);

// Whether the frame at `at` is good but for its length, which was `length`.
bool IsGoodFrameOfLength(absl::string_view content, size_t at, size_t length);

// The size of the frame that starts at `at`, head and body, or 0: there is
// none, or it is damaged.
size_t GoodFrameAt(absl::string_view content, size_t at);

// The first good frame at or after `from`, at whatever byte; npos: none.
size_t FindGoodFrame(absl::string_view content, size_t from);

// Adds the payloads of a good frame. False: it was not made by AppendFrame.
bool SplitFrame(absl::string_view frame, std::vector<std::string>* payloads);

}  // namespace holdfast
