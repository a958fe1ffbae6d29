#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/event_loop.h"
#include "base/files.h"
#include "base/worker_pool.h"
#include "plugin/checkpoint/agent_store.h"
#include "plugin/checkpoint/layout.h"
#include "plugin/recovery/damage.h"
#include "shim/bundle/executor_facts.h"

namespace holdfast {

// One executor's directory, as it was found.
struct ScannedContainer {
  std::string container_id;
  bool checkpoint = true;
  // NotFound: there is no journal. DataLoss too: it is another container's.
  absl::StatusOr<ExecutorFacts> facts = absl::UnknownError("not looked at");
  // There is no journal and nothing that an executor wrote: a launch that was
  // broken off before its intent.
  bool never_begun = false;
  // It was made ahead (plugin/checkpoint/spare_directory.h), a launch began in
  // it, and it has not got or has lost its own name: see GiveNames.
  bool has_spare_name = false;
  // The disk does not rename it; `facts` say why.
  bool has_no_name = false;

  // What has no checkpoint ends with the plugin, whatever its journal says.
  bool IsDamaged() const { return checkpoint && !facts.ok() && !never_begun; }
};

// DataLoss: these facts are not of the container in whose directory they are,
// as after a copy of one; two would then be in charge of the same processes.
absl::Status CheckOwner(const ExecutorFacts& facts,
                        const std::string& container_id);

// All that is damaged in a checkpoint: among the executors, the agent's record
// (`agent`: what loading it said) and the frameworks'.
std::vector<Damage> CheckpointDamage(
    const AgentStore& store, const absl::StatusOr<v1::AgentRecord>& agent,
    const std::vector<ScannedContainer>& containers);

// Looks at every executor's directory, changing nothing; several at once on
// the workers. `done` comes on the loop. An error: a directory cannot be read.
void ScanCheckpoint(
    EventLoop& loop, WorkerPool& workers, Files& files, const Layout& layout,
    std::function<void(absl::StatusOr<std::vector<ScannedContainer>>)> done);

// The same, at once, in this thread; a directory that is not there holds none.
absl::StatusOr<std::vector<ScannedContainer>> ScanCheckpointNow(
    Files& files, const Layout& layout);

// Gives those with a spare's name their own, durably, except where damaged.
// What it tells of those that the disk does not rename; the reason then stands
// in place of their facts.
std::vector<Damage> GiveNames(Files& files, const Layout& layout,
                              std::vector<ScannedContainer>& containers);

}  // namespace holdfast
