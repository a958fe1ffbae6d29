// Agent: executors whose shims do not answer, where somebody has set a time
// for that.

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "plugin/service/agent.h"

namespace holdfast {
namespace {

constexpr absl::Duration kUnansweringMargin = absl::Seconds(2);

}  // namespace

void Agent::WatchUnanswering() {
  // What cleans up has to come to an end.
  const absl::Duration patience =
      cleaning_up()
          ? options_.executor_shutdown_grace_period + kUnansweringMargin
          : options_.executor_reregistration_timeout;
  if (patience <= absl::ZeroDuration()) return;
  loop_.After(patience, [this] { EndUnanswering(); });
}

// The hung shim is replaced, and the new one is told to kill: so the end is
// recorded as every other is, intent first.
void Agent::EndUnanswering() {
  for (const std::string& id : report_.Unanswered()) {
    const auto found = executors_.find(id);
    if (found == executors_.end()) continue;  // one that ends by itself
    const std::shared_ptr<Executor> executor = found->second;
    // One that is not known to be ours is left alone.
    if (executor->state() != ExecutorState::kUnattached ||
        executor->facts().intent.agent_id() != info().agent_id()) {
      continue;
    }
    if (!cleaning_up()) TimeOut(*executor);
    executor->ReplaceShim();
  }
  if (!cleaning_up()) return CheckRecovered();
  // One that attached may hang as well, before it is done.
  for (const auto& [id, executor] : executors_) {
    executor->ReplaceShimIfItHangs();
  }
  WatchUnanswering();
}

void Agent::TimeOut(const Executor& executor) {
  timed_out_.insert(executor.container_id());
  report_.Decide(
      executor.container_id(),
      v1::GetRecoveryResponse::REREGISTRATION_TIMED_OUT, "NO_ANSWER_IN_TIME",
      {executor.condition(),
       absl::StrCat(
           "executor_reregistration_timeout (",
           absl::FormatDuration(options_.executor_reregistration_timeout),
           ") has passed: its shim is replaced, and it is ended")});
}

}  // namespace holdfast
