#pragma once

#include <optional>

#include "absl/time/time.h"
#include "api/records.pb.h"
#include "api/shim.pb.h"
#include "shim/bundle/executor_facts.h"

namespace holdfast {

// Why an executor has to end, the strongest cause first; none: it may live.
// All but the first two are on disk, so that a restarted agent goes on, and
// an executor that is found late is ended like the others.
struct EndingCauses {
  // It did not answer for so long after the agent's start.
  std::optional<absl::Duration> reregistration_timeout = {};
  bool cleanup = false;                    // --recover=cleanup
  const v1::Ending* retirement = nullptr;  // of the agent
  const v1::Ending* teardown = nullptr;    // of its framework
  const v1::DrainInfo* drain = nullptr;    // of the agent
};

// What its shim is to be told; nothing: it may live.
std::optional<v1::ShimKillRequest> DueKill(const EndingCauses& causes);

// Whether an executor is over, or its journal holds the kill that is due.
bool IsUnderWay(const v1::ShimKillRequest& due, const ExecutorFacts& facts);

}  // namespace holdfast
