#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "api/orchestrator.grpc.pb.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "grpcpp/grpcpp.h"
#include "plugin/client/agent_liveness.h"

namespace holdfast {

// Watches one agent for an orchestrator: pings it at intervals, holds it
// for unreachable when it has not answered for `ping_timeout` ×
// `max_ping_timeouts`, and readmits it with its tasks when it comes back, or
// tells it to shut down when it was given up. An agent answers while it
// recovers, so a long recovery makes nobody unreachable.
//
// A thread of its own makes the calls, and calls back. A callback may call
// GiveUp and state(), and must not destroy the monitor.
class AgentMonitor {
 public:
  // The defaults are the agent's own (--agent_ping_timeout,
  // --max_agent_ping_timeouts).
  struct Options {
    absl::Duration ping_timeout = absl::Seconds(15);
    uint32_t max_ping_timeouts = 5;
    // From one ping to the next. Zero: ping_timeout.
    absl::Duration ping_interval = {};
    std::string orchestrator = {};  // who pings, for the agent's log
    std::string framework_id = {};  // whose tasks are told; empty: all
  };

  // Each may be empty.
  struct Callbacks {
    // The agent has answered for the first time, has been restarted, or was
    // unreachable: these are all of its tasks, ended ones included. A task
    // that is expected and missing: Reconcile tells what became of it.
    std::function<void(const v1::PingResponse& agent,
                       const std::vector<v1::Task>& tasks)>
        readmitted = {};
    std::function<void(absl::Duration silence)> unreachable = {};
    // After GiveUp: it has confirmed, durably, that its executors end and its
    // id is retired; or another agent answers in its place.
    std::function<void()> shut_down = {};
  };

  // `address`, `credentials`: as for grpc::CreateChannel. `clock` outlives it.
  AgentMonitor(const std::string& address,
               std::shared_ptr<grpc::ChannelCredentials> credentials,
               const Clock& clock, Options options, Callbacks callbacks);
  // Ends a call that is under way.
  ~AgentMonitor();
  AgentMonitor(const AgentMonitor&) = delete;
  AgentMonitor& operator=(const AgentMonitor&) = delete;

  // The agent is not to be readmitted: it is told to shut down, now or when it
  // next answers. `message`: why, for its log.
  void GiveUp(std::string message) ABSL_LOCKS_EXCLUDED(mutex_);

  LivenessState state() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();
  void PingOnce();
  void OnAnswer(const v1::PingResponse& answer);
  void Readmit(const v1::PingResponse& answer);
  void ShutDown(const v1::PingResponse& answer);
  void Wait(absl::Duration pause) ABSL_LOCKS_EXCLUDED(mutex_);
  // Whether the state is another than before.
  bool Enter(LivenessEvent event) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Duration Silence() const { return clock_.SinceBoot() - heard_at_; }
  absl::Duration Pause() const ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Duration SilenceAllowed() const {
    return options_.ping_timeout * options_.max_ping_timeouts;
  }

  template <typename Request, typename Response>
  grpc::Status Call(grpc::Status (v1::Orchestrator::Stub::*method)(
                        grpc::ClientContext*, const Request&, Response*),
                    const Request& request, absl::Duration timeout,
                    Response* response) ABSL_LOCKS_EXCLUDED(mutex_);

  const Clock& clock_;
  const Options options_;
  const Callbacks callbacks_;
  const std::unique_ptr<v1::Orchestrator::Stub> stub_;
  // The thread's own.
  absl::Duration heard_at_;  // when it last answered, or the beginning
  v1::PingResponse heard_;   // its last answer

  mutable Mutex mutex_;
  LivenessState state_ ABSL_GUARDED_BY(mutex_) = LivenessState::kJoining;
  std::string given_up_because_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool hurry_ ABSL_GUARDED_BY(mutex_) = false;  // no pause before the next ping
  grpc::ClientContext* call_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::condition_variable_any woken_;
  std::thread thread_;  // the last member: it uses the others
};

}  // namespace holdfast
