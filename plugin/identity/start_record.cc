#include "plugin/identity/start_record.h"

#include <utility>

#include "api/time_convert.h"
#include "base/errors.h"
#include "base/log.h"
#include "base/uuid.h"
#include "plugin/identity/reconfiguration.h"
#include "plugin/recovery/former_agent.h"
#include "plugin/recovery/quarantine.h"

namespace holdfast {
namespace {

// What an agent that was shut down leaves to the next one: nothing.
void StartAnew(v1::AgentRecord& record) {
  const std::string former = record.agent().agent_id();
  record.Clear();
  record.mutable_agent()->set_agent_id(RandomUuid());
  Log(Severity::kWarning,
      "the former agent was shut down by its orchestrator; this is another one",
      {{"former", former}, {"agent", record.agent().agent_id()}});
}

// Lost, perhaps: its executors know whose they are.
v1::AgentRecord MakeAnew(Files& files, const Layout& layout) {
  v1::AgentRecord record;
  const std::string known = AgentIdOfExecutors(files, layout);
  record.mutable_agent()->set_agent_id(known.empty() ? RandomUuid() : known);
  return record;
}

bool IsOnDisk(const StartRecord& record) {
  return record.loaded.ok() &&
         record.loaded->SerializeAsString() == record.today.SerializeAsString();
}

}  // namespace

absl::StatusOr<StartRecord> ReadStartRecord(Files& files,
                                            const AgentStore& store,
                                            const StartInfo& start) {
  StartRecord record{store.LoadAgent(), {}};
  record.today =
      record.loaded.ok() ? *record.loaded : MakeAnew(files, store.layout());
  // As long as one of its executors lives, it is still the former one.
  if (record.today.retired() &&
      !MayAnyExecutorLive(files, store.layout(), start.boot_id)) {
    StartAnew(record.today);
  }
  const std::string& before = record.today.boot_id();
  if (!before.empty() && before != start.boot_id) {
    Log(Severity::kWarning, "the host was rebooted since the last start");
  }
  HOLDFAST_RETURN_IF_ERROR(
      Reconfigure(start.info, start.policy, start.boot_id, &record.today));
  record.today.set_boot_id(start.boot_id);
  if (!IsOnDisk(record)) *record.today.mutable_time() = ToProto(start.now);
  return record;
}

void KeepRecord(Files& files, AgentStore& store, const StartRecord& record) {
  if (IsOnDisk(record)) return;
  const std::string path = store.layout().AgentRecord();
  if (!record.loaded.ok() && !absl::IsNotFound(record.loaded.status())) {
    const absl::StatusOr<std::string> moved =
        MoveAside(files, store.layout(), path, "agent.record");
    if (!moved.ok()) {
      return Log(Severity::kError, moved.status().message(), {{"file", path}});
    }
    Log(Severity::kWarning,
        "the agent's record is set aside, and made anew; its id is that of the "
        "newest journal, and whether it was draining or shut down is lost",
        {{"agent", record.today.agent().agent_id()}, {"now", *moved}});
  }
  const absl::Status saved = store.SaveAgent(record.today);
  if (!saved.ok()) Log(Severity::kError, saved.message(), {{"file", path}});
}

}  // namespace holdfast
