#pragma once

#include "absl/time/time.h"

namespace holdfast {

// Time is passed in, so that a test moves it by hand.
class Clock {
 public:
  virtual ~Clock() = default;

  // The wall clock, for stamps in records and messages.
  virtual absl::Time Now() const = 0;

  // CLOCK_BOOTTIME, which counts suspended time too: for every timeout.
  virtual absl::Duration SinceBoot() const = 0;
};

// The kernel's clocks; lives for ever.
const Clock& SystemClock();

}  // namespace holdfast
