// FakeOrchestrator: what it answers.

#include <signal.h>

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "api/status_states.h"
#include "api/time_convert.h"
#include "tests/plugin/ctl/fake_orchestrator.h"

namespace holdfast::ctl {
namespace {

// Small, so that an agent dies in the middle of what a task wrote.
constexpr size_t kChunkBytes = 7;

grpc::Status TaskUnknown() {
  return FakeOrchestrator::Error(grpc::StatusCode::NOT_FOUND, "no such task",
                                 "TASK_UNKNOWN");
}

}  // namespace

grpc::Status FakeOrchestrator::RegisterFramework(
    Context*, const v1::RegisterFrameworkRequest* request,
    v1::RegisterFrameworkResponse* response) {
  MutexLock lock(mutex_);
  frameworks_[request->framework().framework_id()] = request->framework();
  response->set_agent_id("agent-1");
  return grpc::Status::OK;
}

grpc::Status FakeOrchestrator::LaunchTask(Context*,
                                          const v1::LaunchTaskRequest* request,
                                          v1::LaunchTaskResponse* response) {
  MutexLock lock(mutex_);
  if (!frameworks_.contains(request->framework_id())) {
    return Error(grpc::StatusCode::NOT_FOUND, "no such framework",
                 "FRAMEWORK_UNKNOWN");
  }
  if (!launch_answer_.ok()) {
    ++refused_launches_;
    changed_.notify_all();
    return launch_answer_;
  }
  const std::string& id = request->task().task_id();
  if (!tasks_.contains(id)) {
    KnownTask& known = tasks_[id];
    known.launch = *request;
    v1::Task& task = known.task;
    task.set_task_id(id);
    task.set_framework_id(request->framework_id());
    task.set_executor_id(id);
    task.set_container_id(absl::StrCat("container-", id));
    task.set_pid(4711);
    task.set_shim_pid(4710);
    task.set_attached(true);
    task.set_agent("agent-1");
    task.set_checkpoint(frameworks_[request->framework_id()].checkpoint());
    task.add_command(request->task().command().value());
    task.mutable_command()->MergeFrom(request->task().command().arguments());
    *task.mutable_start_time() = ToProto(absl::Now());
    AddUpdate(known, v1::TASK_RUNNING);
  }
  *response->mutable_task() = tasks_[id].task;
  return grpc::Status::OK;
}

grpc::Status FakeOrchestrator::KillTask(Context*,
                                        const v1::KillTaskRequest* request,
                                        v1::KillTaskResponse*) {
  MutexLock lock(mutex_);
  KnownTask* known = Find(request->framework_id(), request->task_id());
  if (known == nullptr || request->framework_id().empty()) return TaskUnknown();
  if (recovering_) {
    return Error(grpc::StatusCode::UNAVAILABLE, "not attached yet",
                 "RECOVERING");
  }
  kills_.push_back(*request);
  changed_.notify_all();
  const bool at_once =
      request->has_grace_period() &&
      FromProto(request->grace_period()) == absl::ZeroDuration();
  if (ignore_sigterm_ && !at_once) return grpc::Status::OK;
  if (!IsTerminal(known->task.state())) {
    known->task.set_signal(at_once ? SIGKILL : SIGTERM);
  }
  Finish(*known, v1::TASK_KILLED);
  return grpc::Status::OK;
}

grpc::Status FakeOrchestrator::WatchUpdates(
    Context* context, const v1::WatchUpdatesRequest* request,
    grpc::ServerWriter<v1::WatchUpdatesResponse>* writer) {
  MutexLock lock(mutex_);
  // A cursor is "life:index" and worth nothing in another life.
  const std::pair<std::string, std::string> cursor =
      absl::StrSplit(request->cursor(), ':');
  size_t next = 0;
  const bool resumed = cursor.first == absl::StrCat(life_) &&
                       absl::SimpleAtoi(cursor.second, &next);
  v1::WatchUpdatesResponse response;
  response.mutable_header()->set_agent_id("agent-1");
  response.mutable_header()->set_agent_incarnation(absl::StrCat(life_));
  response.mutable_header()->set_resumed(resumed);
  response.set_cursor(absl::StrCat(life_, ":", next));
  writer->Write(response);
  ++watchers_;
  changed_.notify_all();
  const size_t snapshot = updates_.size();
  bool complete = false;
  for (bool more = true; more;) {
    if (next < updates_.size()) {
      const v1::StatusUpdate& update = updates_[next++];
      const bool acknowledged =
          frameworks_[update.framework_id()].implicit_acknowledgement();
      if (acknowledged && !request->include_acknowledged() && !resumed &&
          next <= snapshot) {
        continue;
      }
      *response.mutable_update() = update;
      response.set_cursor(absl::StrCat(life_, ":", next));
      writer->Write(response);
    } else if (!complete) {
      complete = true;
      response.set_snapshot_complete(true);
      writer->Write(response);
      if (request->snapshot_only()) break;
    } else {
      more = WaitForMore(context);
    }
  }
  --watchers_;
  return grpc::Status::OK;
}

grpc::Status FakeOrchestrator::GetTasks(Context*,
                                        const v1::GetTasksRequest* request,
                                        v1::GetTasksResponse* response) {
  MutexLock lock(mutex_);
  for (const auto& [id, known] : tasks_) {
    if (!request->framework_id().empty() &&
        request->framework_id() != known.task.framework_id()) {
      continue;
    }
    if (request->include_ended() || !IsTerminal(known.task.state())) {
      *response->add_tasks() = known.task;
    }
  }
  return grpc::Status::OK;
}

grpc::Status FakeOrchestrator::GetTask(Context*,
                                       const v1::GetTaskRequest* request,
                                       v1::GetTaskResponse* response) {
  MutexLock lock(mutex_);
  if (!get_task_answer_.ok()) return get_task_answer_;
  const KnownTask* known = Find(request->framework_id(), request->task_id());
  if (known == nullptr) return TaskUnknown();
  *response->mutable_task() = known->task;
  response->mutable_updates()->Assign(known->updates.begin(),
                                      known->updates.end());
  *response->mutable_info() = known->launch.task();
  return grpc::Status::OK;
}

grpc::Status FakeOrchestrator::GetTimeline(
    Context*, const v1::GetTimelineRequest* request,
    v1::GetTimelineResponse* response) {
  MutexLock lock(mutex_);
  const KnownTask* known = Find(request->framework_id(), request->task_id());
  if (known == nullptr) return TaskUnknown();
  v1::TimelineEvent& event = *response->add_events();
  event.set_kind(v1::TimelineEvent::LAUNCH);
  event.set_message("by the agent");
  return grpc::Status::OK;
}

grpc::Status FakeOrchestrator::RemoveTask(Context*,
                                          const v1::RemoveTaskRequest* request,
                                          v1::RemoveTaskResponse*) {
  MutexLock lock(mutex_);
  const KnownTask* known = Find(request->framework_id(), request->task_id());
  if (known == nullptr) return TaskUnknown();
  if (!IsTerminal(known->task.state())) {
    return Error(grpc::StatusCode::FAILED_PRECONDITION,
                 "the task has not ended", "TASK_NOT_ENDED");
  }
  tasks_.erase(request->task_id());
  return grpc::Status::OK;
}

bool FakeOrchestrator::NextChunk(const v1::LogsRequest& request,
                                 size_t (&at)[2], KnownTask& known,
                                 v1::LogsResponse& chunk) {
  for (const bool is_stderr : {false, true}) {
    const bool unwanted =
        is_stderr ? request.stdout_only() : request.stderr_only();
    const std::string& output = known.output[is_stderr];
    if (unwanted || at[is_stderr] >= output.size()) continue;
    const size_t kept_from = is_stderr ? 0 : known.kept_from;
    const size_t from = std::max(at[is_stderr], kept_from);
    chunk.set_skipped_bytes(from - at[is_stderr]);
    chunk.set_offset(from);
    chunk.set_data(output.substr(from, kChunkBytes));
    chunk.set_stream(is_stderr ? v1::LogsResponse::STDERR
                               : v1::LogsResponse::STDOUT);
    at[is_stderr] = from + chunk.data().size();
    return true;
  }
  return false;
}

grpc::Status FakeOrchestrator::Logs(
    Context* context, const v1::LogsRequest* request,
    grpc::ServerWriter<v1::LogsResponse>* writer) {
  size_t at[2] = {request->stdout_offset(), request->stderr_offset()};
  for (;;) {
    v1::LogsResponse chunk;
    {
      MutexLock lock(mutex_);
      if (stopping_) return grpc::Status::CANCELLED;
      KnownTask* known = Find(request->framework_id(), request->task_id());
      if (known == nullptr) return TaskUnknown();
      if (!NextChunk(*request, at, *known, chunk)) {
        if (!request->follow() || IsTerminal(known->task.state())) {
          return grpc::Status::OK;
        }
        if (!WaitForMore(context)) return grpc::Status::CANCELLED;
        continue;
      }
    }
    if (!writer->Write(chunk)) return grpc::Status::CANCELLED;
  }
}

grpc::Status FakeOrchestrator::GetAgent(Context*, const v1::GetAgentRequest*,
                                        v1::GetAgentResponse* response) {
  MutexLock lock(mutex_);
  response->mutable_agent()->set_agent_id("agent-1");
  v1::AgentResource& mem = *response->mutable_agent()->add_resources();
  mem.set_name("mem");
  mem.set_role("*");
  mem.mutable_value()->set_scalar(1024);
  response->set_version("0.1.0");
  response->set_recovering(recovering_);
  response->set_executors_recovered(recovering_ ? 2 : 5);
  response->set_executors_to_recover(5);
  response->set_cgroups_mode("hybrid");
  v1::Flag& flag = *response->add_flags();
  flag.set_name("recovery_timeout");
  flag.set_value("20mins");
  flag.set_source("MESOS_RECOVERY_TIMEOUT");
  return grpc::Status::OK;
}

grpc::Status FakeOrchestrator::GetRecovery(Context*,
                                           const v1::GetRecoveryRequest*,
                                           v1::GetRecoveryResponse* response) {
  response->set_complete(true);
  *response->mutable_took() = ToProto(absl::Milliseconds(12));
  auto& executor = *response->add_executors();
  executor.set_container_id("container-1");
  executor.set_executor_id("web-1");
  executor.set_decision(v1::GetRecoveryResponse::REATTACHED);
  executor.set_reason("SHIM_ANSWERED");
  executor.add_evidence("journal: started");
  return grpc::Status::OK;
}

}  // namespace holdfast::ctl
