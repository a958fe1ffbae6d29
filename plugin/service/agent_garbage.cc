// Agent: what has ended, was told, and is old enough to go.

#include "api/time_convert.h"
#include "base/log.h"
#include "plugin/service/agent.h"

namespace holdfast {

void Agent::ConsiderCollecting(Executor& executor) {
  const ExecutorFacts& facts = executor.facts();
  if (executor.state() != ExecutorState::kEnded || !facts.exited ||
      !facts.AllAcknowledged()) {
    return;
  }
  garbage_.Add(executor.container_id(), FromProto(facts.exited->time()));
}

void Agent::CollectGarbage(const std::string& container_id) {
  const auto found = executors_.find(container_id);
  if (found == executors_.end()) return;
  const std::shared_ptr<Executor> executor = found->second;
  executor->Remove([this, executor](const absl::Status& removed) {
    const std::string& id = executor->container_id();
    if (removed.ok()) {
      return Log(Severity::kInfo,
                 "ended long enough ago; its files are removed",
                 {{"container", id}});
    }
    Log(Severity::kWarning, removed.message(), {{"container", id}});
    // Later, and not at once: the disk may be the matter.
    loop_.After(options_.disk_watch_interval, [this, id] {
      const auto again = executors_.find(id);
      if (again != executors_.end()) ConsiderCollecting(*again->second);
    });
  });
}

}  // namespace holdfast
