#include "tests/plugin/ctl/fake_orchestrator.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "api/google_rpc.pb.h"
#include "api/status_states.h"
#include "api/time_convert.h"
#include "base/uuid.h"
#include "grpc/grpc.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/server_posix.h"
#include "gtest/gtest.h"

namespace holdfast::ctl {
namespace {

// Small, so that an agent dies in the middle of what a task wrote.
constexpr size_t kChunkBytes = 7;

grpc::Status TaskUnknown() {
  return FakeOrchestrator::Error(grpc::StatusCode::NOT_FOUND, "no such task",
                                 "TASK_UNKNOWN");
}

}  // namespace

FakeOrchestrator::FakeOrchestrator(std::string socket_path)
    : socket_path_(std::move(socket_path)) {
  grpc_init();  // never undone: else the end of each server takes up to 10 s
  Start();
}

FakeOrchestrator::~FakeOrchestrator() { ShutDown(); }

grpc::Status FakeOrchestrator::Error(grpc::StatusCode code,
                                     const std::string& message,
                                     const std::string& reason) {
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("holdfast");
  google::rpc::Status details;
  details.set_code(code);
  details.set_message(message);
  details.add_details()->PackFrom(info);
  return grpc::Status(code, message, details.SerializeAsString());
}

void FakeOrchestrator::Start() {
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  socket_path_.copy(name.sun_path, sizeof(name.sun_path) - 1);
  unlink(socket_path_.c_str());
  listener_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&name),
                 sizeof(name)),
            0);
  {
    MutexLock lock(mutex_);
    stopping_ = false;
    ++life_;
  }
  grpc::ServerBuilder builder;
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  ASSERT_EQ(listen(listener_.get(), 16), 0);
  acceptor_ = std::thread([this] { Accept(); });
}

void FakeOrchestrator::Accept() {
  for (;;) {
    const int fd = accept4(listener_.get(), nullptr, nullptr,
                           SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;  // the listener was shut down
    {
      MutexLock lock(mutex_);
      connections_.emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    }
    grpc::AddInsecureChannelFromFd(server_.get(), fd);
  }
}

void FakeOrchestrator::Die() { Stop(/*orderly=*/false); }
void FakeOrchestrator::ShutDown() { Stop(/*orderly=*/true); }

void FakeOrchestrator::Stop(bool orderly) {
  if (server_ == nullptr) return;
  if (orderly) unlink(socket_path_.c_str());
  shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  listener_.Reset();
  {
    MutexLock lock(mutex_);
    if (!orderly) {
      for (const UniqueFd& fd : connections_) shutdown(fd.get(), SHUT_RDWR);
    }
    connections_.clear();
    stopping_ = true;
    std::erase_if(tasks_, [](const auto& entry) {
      return !entry.second.task.checkpoint();
    });
    std::erase_if(frameworks_,
                  [](const auto& entry) { return !entry.second.checkpoint(); });
    changed_.notify_all();
  }
  server_->Shutdown(std::chrono::system_clock::now());
  server_ = nullptr;
}

void FakeOrchestrator::AnswerLaunchesWith(grpc::Status status) {
  MutexLock lock(mutex_);
  launch_answer_ = std::move(status);
}

void FakeOrchestrator::SetRecovering(bool recovering) {
  MutexLock lock(mutex_);
  recovering_ = recovering;
}

void FakeOrchestrator::IgnoreSigterm() {
  MutexLock lock(mutex_);
  ignore_sigterm_ = true;
}

void FakeOrchestrator::Write(const std::string& task_id,
                             v1::LogsResponse::Stream stream,
                             const std::string& bytes) {
  MutexLock lock(mutex_);
  MustFind(task_id).output[stream == v1::LogsResponse::STDERR] += bytes;
  changed_.notify_all();
}

void FakeOrchestrator::RotateAway(const std::string& task_id, size_t offset) {
  MutexLock lock(mutex_);
  MustFind(task_id).kept_from = offset;
}

void FakeOrchestrator::End(const std::string& task_id, int exit_code) {
  MutexLock lock(mutex_);
  KnownTask& known = MustFind(task_id);
  known.task.set_exit_code(exit_code);
  Finish(known, exit_code == 0 ? v1::TASK_FINISHED : v1::TASK_FAILED);
}

void FakeOrchestrator::EndBySignal(const std::string& task_id, int signal) {
  MutexLock lock(mutex_);
  KnownTask& known = MustFind(task_id);
  known.task.set_signal(signal);
  Finish(known, v1::TASK_KILLED);
}

void FakeOrchestrator::Finish(KnownTask& known, v1::TaskState state) {
  if (IsTerminal(known.task.state())) return;
  known.task.set_pid(0);
  known.task.set_shim_pid(0);
  known.task.set_attached(false);
  *known.task.mutable_end_time() = ToProto(absl::Now());
  AddUpdate(known, state);
}

void FakeOrchestrator::AddUpdate(KnownTask& known, v1::TaskState state) {
  known.task.set_state(state);
  v1::StatusUpdate update;
  update.set_uuid(RandomUuid());
  update.set_framework_id(known.task.framework_id());
  update.set_sequence(known.updates.size() + 1);
  v1::TaskStatus& status = *update.mutable_status();
  status.set_task_id(known.task.task_id());
  status.set_state(state);
  *status.mutable_timestamp() = ToProto(absl::Now());
  if (known.task.has_exit_code()) status.set_exit_code(known.task.exit_code());
  if (known.task.has_signal()) status.set_signal(known.task.signal());
  known.updates.push_back(update);
  updates_.push_back(update);
  changed_.notify_all();
}

template <typename Predicate>
void FakeOrchestrator::WaitUntil(Predicate predicate) {
  MutexLock lock(mutex_);
  if (!changed_.wait_for(mutex_, std::chrono::seconds(20), predicate)) {
    ADD_FAILURE() << "waited 20 s in vain";
  }
}

bool FakeOrchestrator::WaitForMore(Context* context) {
  // A client that leaves notifies nobody.
  changed_.wait_for(mutex_, std::chrono::milliseconds(20));
  return !stopping_ && !context->IsCancelled();
}

v1::LaunchTaskRequest FakeOrchestrator::WaitForLaunch(
    const std::string& task_id) {
  v1::LaunchTaskRequest launch;
  WaitUntil([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (!tasks_.contains(task_id)) return false;
    launch = tasks_[task_id].launch;
    return true;
  });
  return launch;
}

std::vector<v1::KillTaskRequest> FakeOrchestrator::WaitForKills(size_t count) {
  std::vector<v1::KillTaskRequest> kills;
  WaitUntil([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    kills = kills_;
    return kills.size() >= count;
  });
  return kills;
}

void FakeOrchestrator::WaitForRefusedLaunch() {
  WaitUntil(
      [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return refused_launches_ > 0; });
}

void FakeOrchestrator::WaitForWatcher() {
  WaitUntil([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return watchers_ > 0; });
}

v1::Task FakeOrchestrator::GetTask(const std::string& task_id) {
  MutexLock lock(mutex_);
  return MustFind(task_id).task;
}

std::set<std::string> FakeOrchestrator::Frameworks() {
  MutexLock lock(mutex_);
  std::set<std::string> ids;
  for (const auto& [id, framework] : frameworks_) ids.insert(id);
  return ids;
}

FakeOrchestrator::KnownTask* FakeOrchestrator::Find(
    const std::string& framework_id, const std::string& task_id) {
  const auto found = tasks_.find(task_id);
  if (found == tasks_.end()) return nullptr;
  const bool named =
      framework_id.empty() || framework_id == found->second.task.framework_id();
  return named ? &found->second : nullptr;
}

FakeOrchestrator::KnownTask& FakeOrchestrator::MustFind(
    const std::string& task_id) {
  EXPECT_TRUE(tasks_.contains(task_id)) << task_id;
  return tasks_[task_id];
}

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
