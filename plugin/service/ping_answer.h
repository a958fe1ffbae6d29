#pragma once

#include <string>

#include "api/orchestrator.pb.h"
#include "base/mutex.h"

namespace holdfast {

// What a ping is answered with: from any thread and at once, whatever the
// agent's loop is busy with. The agent changes it when a fact changes.
class PingAnswer {
 public:
  PingAnswer(const std::string& agent_id, const std::string& incarnation,
             const std::string& boot_id) {
    answer_.set_agent_id(agent_id);
    answer_.set_agent_incarnation(incarnation);
    answer_.set_boot_id(boot_id);
    answer_.set_recovering(true);
  }

  v1::PingResponse Get() const ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    return answer_;
  }

  void SetRecovered() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    answer_.set_recovering(false);
  }
  void SetShutDown() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    answer_.set_shut_down(true);
  }
  void SetDrainState(v1::GetAgentResponse::DrainState state)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    answer_.set_drain_state(state);
  }

 private:
  mutable Mutex mutex_;
  v1::PingResponse answer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast
