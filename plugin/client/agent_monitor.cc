#include "plugin/client/agent_monitor.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "absl/time/clock.h"

namespace holdfast {
namespace {

// Between pings while something is waited for: that a recovery ends, or that
// one who was given up confirms.
constexpr absl::Duration kSoon = absl::Milliseconds(500);

std::unique_ptr<v1::Orchestrator::Stub> MakeStub(
    const std::string& address,
    std::shared_ptr<grpc::ChannelCredentials> credentials,
    absl::Duration ping_timeout) {
  // gRPC's own pauses between attempts to connect grow to two minutes.
  grpc::ChannelArguments arguments;
  const auto most_ms =
      static_cast<int>(absl::ToInt64Milliseconds(ping_timeout));
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
                   std::clamp(most_ms / 10, 100, 1000));
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
                   std::clamp(most_ms / 10, 100, 1000));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, std::max(most_ms, 100));
  arguments.SetMaxReceiveMessageSize(-1);  // an agent may have many tasks
  return v1::Orchestrator::NewStub(
      grpc::CreateCustomChannel(address, std::move(credentials), arguments));
}

}  // namespace

AgentMonitor::AgentMonitor(
    const std::string& address,
    std::shared_ptr<grpc::ChannelCredentials> credentials, const Clock& clock,
    Options options, Callbacks callbacks)
    : clock_(clock),
      options_(std::move(options)),
      callbacks_(std::move(callbacks)),
      stub_(MakeStub(address, std::move(credentials), options_.ping_timeout)),
      heard_at_(clock.SinceBoot()),
      thread_([this] { Run(); }) {}

AgentMonitor::~AgentMonitor() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    if (call_ != nullptr) call_->TryCancel();
  }
  woken_.notify_all();
  thread_.join();
}

void AgentMonitor::GiveUp(std::string message) {
  {
    MutexLock lock(mutex_);
    state_ = Next(state_, LivenessEvent::kGiveUp);
    given_up_because_ = std::move(message);
    hurry_ = true;
  }
  woken_.notify_all();
}

LivenessState AgentMonitor::state() const {
  MutexLock lock(mutex_);
  return state_;
}

void AgentMonitor::Run() {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (stopping_ || state_ == LivenessState::kShutDown) return;
    }
    const absl::Duration began = clock_.SinceBoot();
    PingOnce();
    Wait(began + Pause() - clock_.SinceBoot());
  }
}

absl::Duration AgentMonitor::Pause() const {
  const absl::Duration interval = options_.ping_interval == absl::ZeroDuration()
                                      ? options_.ping_timeout
                                      : options_.ping_interval;
  const LivenessState now = state();
  const bool waits_for_something =
      now == LivenessState::kJoining || now == LivenessState::kGivenUp;
  return waits_for_something ? std::min(interval, kSoon) : interval;
}

void AgentMonitor::PingOnce() {
  v1::PingRequest request;
  request.set_orchestrator(options_.orchestrator);
  v1::PingResponse answer;
  absl::Duration timeout = options_.ping_timeout;
  // So that the silence is noticed when it has lasted long enough.
  const absl::Duration left = SilenceAllowed() - Silence();
  if (left > absl::ZeroDuration()) timeout = std::min(timeout, left);
  const grpc::Status status =
      Call(&v1::Orchestrator::Stub::Ping, request, timeout, &answer);
  if (status.ok()) {
    OnAnswer(answer);
  } else if (Silence() >= SilenceAllowed() && Enter(LivenessEvent::kSilence)) {
    if (callbacks_.unreachable) callbacks_.unreachable(Silence());
  }
}

void AgentMonitor::OnAnswer(const v1::PingResponse& answer) {
  heard_at_ = clock_.SinceBoot();
  if (state() == LivenessState::kGivenUp) return ShutDown(answer);
  const bool other_life =
      !heard_.agent_incarnation().empty() &&
      heard_.agent_incarnation() != answer.agent_incarnation();
  heard_ = answer;
  Enter(other_life ? LivenessEvent::kOtherLife : LivenessEvent::kAnswer);
  if (state() == LivenessState::kJoining && !answer.recovering()) {
    Readmit(answer);
  }
}

void AgentMonitor::Readmit(const v1::PingResponse& answer) {
  v1::GetTasksRequest request;
  request.set_framework_id(options_.framework_id);
  request.set_include_ended(true);
  v1::GetTasksResponse tasks;
  const grpc::Status status = Call(&v1::Orchestrator::Stub::GetTasks, request,
                                   options_.ping_timeout, &tasks);
  if (!status.ok()) return;  // again after the next ping
  if (!Enter(LivenessEvent::kTasksKnown)) return;
  if (!callbacks_.readmitted) return;
  callbacks_.readmitted(answer, {tasks.tasks().begin(), tasks.tasks().end()});
}

void AgentMonitor::ShutDown(const v1::PingResponse& answer) {
  const bool is_another =
      !heard_.agent_id().empty() && heard_.agent_id() != answer.agent_id();
  if (!is_another && !answer.shut_down()) {
    v1::ShutdownRequest request;
    request.set_agent_id(answer.agent_id());
    {
      MutexLock lock(mutex_);
      request.set_message(given_up_because_);
    }
    v1::ShutdownResponse response;
    const grpc::Status status = Call(&v1::Orchestrator::Stub::Shutdown, request,
                                     options_.ping_timeout, &response);
    if (!status.ok()) return;  // again after the next ping
  }
  if (Enter(LivenessEvent::kShutDownDone) && callbacks_.shut_down) {
    callbacks_.shut_down();
  }
}

void AgentMonitor::Wait(absl::Duration pause) {
  const auto until =
      std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(pause);
  MutexLock lock(mutex_);
  while (!stopping_ && !hurry_) {
    if (woken_.wait_until(mutex_, until) == std::cv_status::timeout) break;
  }
  hurry_ = false;
}

bool AgentMonitor::Enter(LivenessEvent event) {
  MutexLock lock(mutex_);
  const LivenessState before = state_;
  state_ = Next(state_, event);
  return state_ != before;
}

template <typename Request, typename Response>
grpc::Status AgentMonitor::Call(
    grpc::Status (v1::Orchestrator::Stub::*method)(grpc::ClientContext*,
                                                   const Request&, Response*),
    const Request& request, absl::Duration timeout, Response* response) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  context.set_wait_for_ready(true);  // one that is away is waited for
  {
    MutexLock lock(mutex_);
    if (stopping_) return grpc::Status::CANCELLED;
    call_ = &context;
  }
  const grpc::Status status =
      (stub_.get()->*method)(&context, request, response);
  MutexLock lock(mutex_);
  call_ = nullptr;
  return status;
}

}  // namespace holdfast
