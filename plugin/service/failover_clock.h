#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "base/event_loop.h"

namespace holdfast {

// Who has been away too long: a clock for each framework that has no stream of
// updates, on CLOCK_BOOTTIME.
//
//             StreamBegan               failover_timeout
//   present ◀───────────── absent ───────────────────────▶ on_timeout
//      └───────────────────▶  ▲ │ Known: from the beginning again
//          its last StreamEnded └─┘
class FailoverClock {
 public:
  // A framework that was just heard of is yet to begin its stream: it has so
  // long at the least.
  static constexpr absl::Duration kFirstStream = absl::Seconds(10);

  // `on_timeout` comes from the loop, once for each absence.
  FailoverClock(EventLoop& loop,
                std::function<void(const std::string&)> on_timeout)
      : loop_(loop), on_timeout_(std::move(on_timeout)) {}
  ~FailoverClock();

  // It has registered, or the agent has started and knows it. Infinite: it may
  // stay away for ever.
  void Known(const std::string& framework_id, absl::Duration timeout);
  // `stream`: the number of it, never used again. A stream that is taken over
  // ends after the other one has begun.
  void StreamBegan(const std::string& framework_id, uint64_t stream);
  // Of one that never began here, or whose framework is forgotten: nothing.
  void StreamEnded(uint64_t stream);
  void Forget(const std::string& framework_id);

 private:
  struct Framework {
    absl::Duration timeout;
    int streams = 0;
    EventLoop::TimerId timer = 0;
  };

  void Arm(const std::string& framework_id, Framework& framework,
           absl::Duration timeout);

  EventLoop& loop_;
  const std::function<void(const std::string&)> on_timeout_;
  absl::flat_hash_map<std::string, Framework> frameworks_;
  absl::flat_hash_map<uint64_t, std::string> streams_;  // whose each is
};

}  // namespace holdfast
