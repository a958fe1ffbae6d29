#pragma once

namespace holdfast::containerd {

// What becomes of output that nobody takes, once the spool is full.
//   kSpool       the newest is dropped, and the stream says how much
//   kDropOldest  the oldest is dropped, and the stream says how much
//   kBlock       the process waits, as with the stock shim
// While a reader is there that is only slow, the process waits in all three.
enum class WhenFull { kSpool, kDropOldest, kBlock };

enum class Remedy { kWait, kDropNewest, kDropOldest };

constexpr Remedy RemedyFor(WhenFull when_full, bool reader_is_away) {
  if (!reader_is_away) return Remedy::kWait;
  switch (when_full) {
    case WhenFull::kSpool:
      return Remedy::kDropNewest;
    case WhenFull::kDropOldest:
      return Remedy::kDropOldest;
    case WhenFull::kBlock:
      return Remedy::kWait;
  }
  return Remedy::kWait;
}

}  // namespace holdfast::containerd
