#include "base/utf8.h"

#include <cstdint>

namespace holdfast {
namespace {

bool Continues(char byte) {
  return (static_cast<uint8_t>(byte) & 0xc0) == 0x80;
}

// How many bytes the character has that begins with `byte`; 0: none does.
size_t CharacterBytes(uint8_t byte) {
  if (byte < 0x80) return 1;
  if (byte >= 0xc2 && byte <= 0xdf) return 2;
  if (byte >= 0xe0 && byte <= 0xef) return 3;
  if (byte >= 0xf0 && byte <= 0xf4) return 4;
  return 0;
}

// RFC 3629: not longer than needed, no surrogate, nothing past U+10FFFF. The
// second byte says so.
bool MayFollow(uint8_t first, uint8_t second) {
  if (first == 0xe0) return second >= 0xa0;
  if (first == 0xed) return second <= 0x9f;
  if (first == 0xf0) return second >= 0x90;
  if (first == 0xf4) return second <= 0x8f;
  return true;
}

// The bytes of the character that `text` begins with; 0: with none.
size_t FirstCharacter(absl::string_view text) {
  const auto first = static_cast<uint8_t>(text[0]);
  const size_t bytes = CharacterBytes(first);
  if (bytes > text.size()) return 0;
  for (size_t i = 1; i < bytes; ++i) {
    if (!Continues(text[i])) return 0;
  }
  if (bytes > 1 && !MayFollow(first, static_cast<uint8_t>(text[1]))) return 0;
  return bytes;
}

}  // namespace

absl::string_view CutUtf8(absl::string_view text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && Continues(text[most])) --most;
  return text.substr(0, most);
}

std::string MendUtf8(absl::string_view text) {
  std::string mended;
  mended.reserve(text.size());
  while (!text.empty()) {
    const size_t bytes = FirstCharacter(text);
    if (bytes == 0) {
      mended.push_back('?');
    } else {
      mended.append(text.data(), bytes);
    }
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return mended;
}

}  // namespace holdfast
