#include "plugin/recovery/totals.h"

#include <map>
#include <string>
#include <utility>

namespace holdfast {

void CountTotals(v1::GetRecoveryResponse& response) {
  using Key = std::pair<v1::GetRecoveryResponse::Decision, std::string>;
  std::map<Key, uint32_t> counts;
  for (const auto& row : response.executors()) {
    ++counts[Key(row.decision(), row.reason())];
  }
  if (!response.orphans().empty()) {
    counts[Key(v1::GetRecoveryResponse::ORPHANED, "NO_JOURNAL")] +=
        static_cast<uint32_t>(response.orphans_size());
  }
  response.clear_totals();
  for (const auto& [key, count] : counts) {
    v1::GetRecoveryResponse::Total& total = *response.add_totals();
    total.set_decision(key.first);
    total.set_reason(key.second);
    total.set_count(count);
  }
}

}  // namespace holdfast
