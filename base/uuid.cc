#include "base/uuid.h"

#include <sys/random.h>

#include <cstdint>
#include <cstdlib>

namespace holdfast {

std::string RandomUuid() {
  uint8_t bytes[16];
  // 16 bytes are never a short read; the call fails only before the kernel's
  // pool is ready, long before anything of ours runs.
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) abort();
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);  // version 4
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);  // RFC 4122
  static constexpr char kHex[] = "0123456789abcdef";
  std::string uuid;
  uuid.reserve(36);
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) uuid += '-';
    uuid += kHex[bytes[i] >> 4];
    uuid += kHex[bytes[i] & 0x0f];
  }
  return uuid;
}

}  // namespace holdfast
