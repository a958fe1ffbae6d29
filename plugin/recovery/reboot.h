#pragma once

#include <vector>

#include "absl/time/time.h"
#include "api/records.pb.h"
#include "shim/bundle/executor_journal.h"

namespace holdfast {

// What ends an executor whose host was rebooted: that it is over, and a
// terminal update for each task that had none, with its last known facts.
std::vector<v1::JournalRecord> RebootRecords(const ExecutorJournal& journal,
                                             absl::Time now);

}  // namespace holdfast
