#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace holdfast {

// CRC-32C (Castagnoli), as iSCSI and ext4 use it. `crc` is what came before:
// Crc32c(b, Crc32c(a)) is Crc32c(a + b). Abseil's arrives after Debian 12's.
uint32_t Crc32c(absl::string_view bytes, uint32_t crc = 0);

}  // namespace holdfast
