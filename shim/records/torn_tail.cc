#include "shim/records/torn_tail.h"

#include <algorithm>
#include <cstdint>

#include "shim/records/frames.h"
#include "shim/records/journal.h"

namespace holdfast {
namespace {

constexpr size_t kSectorBytes = 512;

size_t EndOfSector(size_t at) { return (at / kSectorBytes + 1) * kSectorBytes; }

bool IsZero(absl::string_view bytes) {
  return bytes.find_first_not_of('\0') == bytes.npos;
}

bool IsPossible(absl::string_view content, size_t at, size_t length) {
  return length != 0 && length <= Journal::kMaxPayloadBytes &&
         length <= content.size() - at - kFrameHeadBytes;
}

// A death in the middle of the copying into the kernel's pages, or a look at
// it from outside. One damaged byte leaves no such end.
bool LacksItsEnd(absl::string_view content, size_t end) {
  constexpr size_t kLeastBytes = 4;
  return IsZero(content.substr(end - kLeastBytes, kLeastBytes));
}

bool LacksASector(absl::string_view content, size_t from, size_t end) {
  while (from < end) {
    const size_t to = std::min(end, EndOfSector(from));
    if (IsZero(content.substr(from, to - from))) return true;
    from = to;
  }
  return false;
}

// A longer or shorter length hides a whole frame, which ends where the zeros
// begin, or a little later: its last bytes may be zeros of its own.
bool IsGoodButForItsLength(absl::string_view content, size_t at) {
  constexpr size_t kOwnZeros = 16;
  const size_t used = content.find_last_not_of('\0') + 1 - at;
  if (used <= kFrameHeadBytes) return false;
  const size_t shortest = used - kFrameHeadBytes;
  const auto length = static_cast<uint32_t>(FrameLengthAt(content, at));
  for (size_t other = shortest; other <= shortest + kOwnZeros; ++other) {
    const uint32_t change = length ^ static_cast<uint32_t>(other);
    const bool one_byte =
        (change & 0xff) == change || (change & 0xff00) == change ||
        (change & 0xff0000) == change || (change & 0xff000000) == change;
    if (one_byte && IsGoodFrameOfLength(content, at, other)) return true;
  }
  return false;
}

}  // namespace

bool MayBeTorn(absl::string_view content, size_t at) {
  const size_t first_end = EndOfSector(at);
  // Its first sector is not there; how long it is nobody can tell.
  if (IsZero(content.substr(at, first_end - at))) return true;
  if (content.size() - at < kFrameHeadBytes) return false;
  if (IsGoodButForItsLength(content, at)) return false;
  const size_t length = FrameLengthAt(content, at);
  if (!IsPossible(content, at, length)) {
    return first_end - at < sizeof(uint32_t);  // half of it may be missing
  }
  const size_t end = at + kFrameHeadBytes + length;
  return LacksItsEnd(content, end) || LacksASector(content, at, end);
}

}  // namespace holdfast
