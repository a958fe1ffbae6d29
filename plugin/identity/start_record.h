#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/records.pb.h"
#include "base/files.h"
#include "plugin/checkpoint/agent_store.h"
#include "plugin/modes.h"

namespace holdfast {

// The agent's own record at a start: what was on disk, and what it is today.
struct StartRecord {
  absl::StatusOr<v1::AgentRecord> loaded;  // what loading it said
  v1::AgentRecord today;
};

// Reads the record and makes it today's, changing nothing on disk. The id is
// for ever, with two exceptions: a record that is lost or damaged is made anew
// with the id in the executors' journals, and an agent that was shut down and
// has no executor left becomes another. The boot id is today's, `info` what
// the flags say. FailedPrecondition with the reason kReconfigurationRefused:
// see CheckReconfiguration.
struct StartInfo {
  v1::AgentInfo info;
  ReconfigurationPolicy policy = ReconfigurationPolicy::kEqual;
  std::string boot_id;
  absl::Time now;
};
absl::StatusOr<StartRecord> ReadStartRecord(Files& files,
                                            const AgentStore& store,
                                            const StartInfo& start);

// Puts today's record on disk, where it is not what was there, and a damaged
// one aside; to be called once nothing of the checkpoint is refused. What
// cannot be written is an error of this call and is logged: it is made again,
// from the same journals, by the next start.
void KeepRecord(Files& files, AgentStore& store, const StartRecord& record);

}  // namespace holdfast
