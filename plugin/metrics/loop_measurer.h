#pragma once

#include <functional>

#include "base/event_loop.h"
#include "plugin/metrics/measure.h"

namespace holdfast {

// Measures what lives on a loop, from another thread, which must not wait long
// for it: a loop that is busy is measured by its former figures, and they say
// so.
class LoopMeasurer {
 public:
  // `take` is called on the loop. `loop` outlives this.
  LoopMeasurer(EventLoop& loop, std::function<Measure()> take)
      : loop_(loop), take_(std::move(take)) {}

  // By one thread at a time.
  Measure Take();

 private:
  EventLoop& loop_;
  const std::function<Measure()> take_;
  Measure last_;
};

}  // namespace holdfast
