#pragma once

#include "absl/time/time.h"
#include "base/clock.h"

namespace holdfast {

// Time that moves when the test says so.
class FakeClock : public Clock {
 public:
  absl::Time Now() const override {
    return absl::FromUnixSeconds(1'800'000'000) + since_boot_;
  }
  absl::Duration SinceBoot() const override { return since_boot_; }

  void Advance(absl::Duration time) { since_boot_ += time; }

 private:
  absl::Duration since_boot_ = absl::Hours(1);
};

}  // namespace holdfast
