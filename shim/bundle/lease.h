#pragma once

#include "absl/time/time.h"
#include "api/types.pb.h"
#include "shim/bundle/executor_facts.h"

namespace holdfast {

// How long an executor lives without its agent. Its shim holds the fence by
// it, and the agent says by it how long that would be.
struct Lease {
  absl::Duration recovery_timeout = absl::InfiniteDuration();
  bool paused = false;                               // never fires
  absl::Duration not_before = absl::ZeroDuration();  // since boot

  // Since boot, for an agent that was lost at `lost_at`; infinite: never.
  absl::Duration FiresAt(absl::Duration lost_at) const;

  friend bool operator==(const Lease&, const Lease&) = default;
};

// What the intent says, and what was changed since. An executor without a
// checkpoint ends with its agent, whatever was changed.
Lease LeaseOf(const ExecutorFacts& facts);

// For people. `lost_at` is `now` where the agent is there.
v1::FenceStatus DescribeFence(v1::FenceStatus::State state, const Lease& lease,
                              absl::Duration lost_at, absl::Duration now);

}  // namespace holdfast
