#pragma once

#include "api/orchestrator.pb.h"

namespace holdfast {

// Counts the executors and orphans of `response` by decision and reason, and
// puts the counts into its totals, in the decisions' order.
void CountTotals(v1::GetRecoveryResponse& response);

}  // namespace holdfast
