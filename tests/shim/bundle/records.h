#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "api/records.pb.h"
#include "shim/bundle/executor_facts.h"

namespace holdfast {

// Records as short as a test can say them; a container "c-7" with task "t-7".

inline v1::Intent AnIntent() {
  v1::Intent intent;
  intent.set_container_id("c-7");
  intent.set_agent_id("a-1");
  intent.set_framework_id("f-1");
  intent.set_executor_id("e-7");
  intent.mutable_task()->set_task_id("t-7");
  return intent;
}

constexpr absl::Time kNow = absl::UnixEpoch();

inline v1::JournalRecord IntentRecord() {
  v1::JournalRecord record;
  *record.mutable_intent() = AnIntent();
  return record;
}

inline v1::JournalRecord TaskIntentRecord(const std::string& task_id) {
  v1::JournalRecord record;
  record.mutable_task_intent()->mutable_task()->set_task_id(task_id);
  return record;
}

inline v1::JournalRecord StartedRecord(int pid) {
  v1::JournalRecord record;
  record.mutable_started()->set_pid(pid);
  return record;
}

inline v1::JournalRecord ExitedRecord(int code) {
  v1::JournalRecord record;
  record.mutable_exited()->set_exit_code(code);
  return record;
}

inline v1::StatusUpdate AnUpdate(const std::string& uuid,
                                 v1::TaskState state = v1::TASK_RUNNING,
                                 const std::string& task_id = "t-7") {
  v1::StatusUpdate update;
  update.set_uuid(uuid);
  update.mutable_status()->set_task_id(task_id);
  update.mutable_status()->set_state(state);
  return update;
}

inline v1::JournalRecord UpdateRecord(uint64_t sequence,
                                      const std::string& uuid,
                                      v1::TaskState state = v1::TASK_RUNNING,
                                      const std::string& task_id = "t-7") {
  v1::JournalRecord record;
  *record.mutable_update() = AnUpdate(uuid, state, task_id);
  record.mutable_update()->set_sequence(sequence);
  return record;
}

inline v1::JournalRecord AcknowledgedRecord(const std::string& uuid) {
  v1::JournalRecord record;
  record.mutable_acknowledged()->set_uuid(uuid);
  return record;
}

inline v1::JournalRecord KillRecord(const std::string& task_id) {
  v1::JournalRecord record;
  record.mutable_kill_requested()->set_task_id(task_id);
  return record;
}

inline std::vector<std::string> UnacknowledgedUuids(
    const ExecutorFacts& facts) {
  std::vector<std::string> uuids;
  for (const v1::StatusUpdate* update : facts.Unacknowledged()) {
    uuids.push_back(update->uuid());
  }
  return uuids;
}

}  // namespace holdfast
