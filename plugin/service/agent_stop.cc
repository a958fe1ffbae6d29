// Agent: what it does when the plugin is asked to stop.

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/failpoint.h"
#include "base/log.h"
#include "plugin/service/agent.h"

namespace holdfast {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(10);
// What a kill takes beyond its grace period on a busy machine.
constexpr absl::Duration kStopMargin = absl::Seconds(2);

}  // namespace

void Agent::Stop(std::function<void()> done) {
  stopping_ = true;
  v1::ShimKillRequest kill;
  kill.set_reason(v1::REASON_AGENT_ENDED);
  std::vector<std::shared_ptr<Executor>> ending;
  for (const auto& [id, executor] : executors_) {
    if (!executor->checkpoint()) ending.push_back(executor);
  }
  for (const std::shared_ptr<Executor>& executor : ending) {
    executor->Kill(kill, [executor](const absl::Status& status) {
      if (status.ok()) return;
      Log(Severity::kWarning, status.message(),
          {{"container", executor->container_id()}});
    });
  }
  FinishStop(loop_.clock().SinceBoot() +
                 options_.executor_shutdown_grace_period + kStopMargin,
             std::move(done));
}

void Agent::FinishStop(absl::Duration give_up_at, std::function<void()> done) {
  std::vector<std::string> ended;
  bool some_live = false;
  for (const auto& [id, executor] : executors_) {
    if (executor->checkpoint()) continue;
    if (executor->state() == ExecutorState::kEnded) {
      ended.push_back(id);
    } else {
      some_live = true;
    }
  }
  if (some_live && loop_.clock().SinceBoot() < give_up_at) {
    loop_.After(kLook,
                [this, give_up_at, done] { FinishStop(give_up_at, done); });
    return;
  }
  workers_.Run([this, ended, done] {
    for (const std::string& id : ended) {
      // Retried as long as its shim is on its way out.
      const absl::Status removed = launcher_.RollBack(id, false);
      if (!removed.ok()) {
        Log(Severity::kWarning, removed.message(), {{"container", id}});
      }
    }
    launcher_.RemoveSpares();
    HOLDFAST_FAILPOINT(SparesRemoved);
    cgroups_.RemoveRootIfEmpty();
    loop_.Post(done);
  });
}

}  // namespace holdfast
