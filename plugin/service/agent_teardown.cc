// Agent: frameworks that go, on request or because they stayed away for
// failover_timeout. A framework is torn down on disk first; then its
// executors end (ending.h), each is removed when it has, and with the last
// one the framework is forgotten. A restart goes on wherever this was.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/time_convert.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "plugin/service/agent.h"
#include "plugin/service/agent_errors.h"

namespace holdfast {
namespace {

constexpr absl::Duration kRetry = absl::Seconds(1);

}  // namespace

void Agent::TeardownFramework(const v1::TeardownFrameworkRequest& request,
                              Reply<v1::TeardownFrameworkResponse> reply) {
  v1::Ending how;
  if (request.has_grace_period()) {
    const absl::Status valid =
        CheckNotNegative("grace_period", request.grace_period());
    if (!valid.ok()) return reply(valid);
    *how.mutable_grace_period() = request.grace_period();
  }
  if (!containers_known_) {
    return OnceAccepted(
        [this, request, reply] { TeardownFramework(request, reply); });
  }
  const std::string& id = request.framework_id();
  frameworks_.TearDown(id, how, [this, id, reply](const absl::Status& status) {
    if (!status.ok()) return reply(status);
    Log(Severity::kInfo, "a framework is torn down", {{"framework", id}});
    HOLDFAST_FAILPOINT(TeardownRecorded);
    reply(v1::TeardownFrameworkResponse());
    ContinueTeardown(id);
  });
}

void Agent::StartFailoverClock(const v1::FrameworkInfo& framework) {
  const std::string& id = framework.framework_id();
  if (frameworks_.FindTeardown(id) != nullptr) return;
  failover_clock_.Known(id, framework.has_failover_timeout()
                                ? FromProto(framework.failover_timeout())
                                : absl::InfiniteDuration());
}

void Agent::OnFailoverTimeout(const std::string& framework_id) {
  if (!containers_known_) {
    return OnceAccepted([this, framework_id] {
      if (!hub_.IsWatched(framework_id)) OnFailoverTimeout(framework_id);
    });
  }
  const v1::FrameworkInfo* framework = frameworks_.Find(framework_id);
  if (framework == nullptr) return;
  const std::string why = absl::StrCat(
      "Its framework had no stream of updates for failover_timeout (",
      absl::FormatDuration(FromProto(framework->failover_timeout())), ")");
  Log(Severity::kWarning, why, {{"framework", framework_id}});
  v1::Ending how;
  how.set_message(why);
  frameworks_.TearDown(
      framework_id, how, [this, framework_id](const absl::Status& status) {
        if (status.ok()) return ContinueTeardown(framework_id);
        Log(Severity::kError, status.ToString(), {{"framework", framework_id}});
        loop_.After(kRetry, [this, framework_id] {
          if (!hub_.IsWatched(framework_id)) OnFailoverTimeout(framework_id);
        });
      });
}

void Agent::ContinueTeardowns() {
  for (const std::string& id : frameworks_.Ids()) ContinueTeardown(id);
}

void Agent::ContinueTeardown(const std::string& framework_id) {
  if (frameworks_.FindTeardown(framework_id) == nullptr) return;
  failover_clock_.Forget(framework_id);
  if (!KnowsAllTasks()) {  // one that cannot be read may be its
    loop_.After(kRetry,
                [this, framework_id] { ContinueTeardown(framework_id); });
    return;
  }
  std::vector<std::shared_ptr<Executor>> its;
  for (const auto& [id, executor] : executors_) {
    if (executor->facts().intent.framework_id() == framework_id) {
      its.push_back(executor);
    }
  }
  for (const std::shared_ptr<Executor>& executor : its) {
    EndIfDue(*executor);
    RemoveTornDown(executor);
  }
  if (!its.empty()) return;
  frameworks_.Forget(framework_id, [this,
                                    framework_id](const absl::Status& status) {
    if (!status.ok()) {
      Log(Severity::kError, status.ToString(), {{"framework", framework_id}});
      loop_.After(kRetry,
                  [this, framework_id] { ContinueTeardown(framework_id); });
      return;
    }
    hub_.ForgetFramework(framework_id,
                         FrameworkTornDown(absl::AbortedError(absl::StrCat(
                             "framework ", framework_id, " was torn down"))));
    Log(Severity::kInfo, "a framework is gone", {{"framework", framework_id}});
  });
}

void Agent::RemoveTornDown(const std::shared_ptr<Executor>& executor) {
  if (executor->state() != ExecutorState::kEnded ||
      frameworks_.FindTeardown(executor->facts().intent.framework_id()) ==
          nullptr) {
    return;
  }
  executor->Remove([this, executor](const absl::Status& removed) {
    if (removed.ok()) return;
    Log(Severity::kError, removed.ToString(),
        {{"container", executor->container_id()}});
    loop_.After(kRetry, [this, executor] { RemoveTornDown(executor); });
  });
}

}  // namespace holdfast
