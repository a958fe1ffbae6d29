#include "plugin/metrics/loop_measurer.h"

#include <chrono>
#include <future>
#include <memory>

namespace holdfast {
namespace {

// A scraper waits 10 s.
constexpr std::chrono::seconds kPatience(2);

}  // namespace

Measure LoopMeasurer::Take() {
  // It may still be answered when nobody waits any more.
  auto taken = std::make_shared<std::promise<Measure>>();
  std::future<Measure> measure = taken->get_future();
  loop_.Post([take = take_, taken] { taken->set_value(take()); });
  if (measure.wait_for(kPatience) == std::future_status::ready) {
    last_ = measure.get();
  } else {
    last_.stale = true;
  }
  return last_;
}

}  // namespace holdfast
