// Agent: --recover=cleanup. Executors are found as ever, and each is ended
// (ending.h); their journals stay, so that a later start delivers what is
// unacknowledged.

#include <algorithm>

#include "base/failpoint.h"
#include "plugin/service/agent.h"

namespace holdfast {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(20);

}  // namespace

void Agent::CheckCleanedUp() {
  const bool nothing_lives =
      report_.complete() && report_.Unanswered().empty() &&
      std::all_of(executors_.begin(), executors_.end(), [](const auto& entry) {
        const Executor& executor = *entry.second;
        return executor.state() == ExecutorState::kEnded &&
               executor.runtime_removed();
      });
  // A torn down framework's last executors may go this very moment: not much
  // is lost if they go with the next start instead.
  if (nothing_lives) {
    HOLDFAST_FAILPOINT(CleanedUp);
    return cleaned_up_();
  }
  loop_.After(kLook, [this] { CheckCleanedUp(); });
}

}  // namespace holdfast
