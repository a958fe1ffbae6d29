#include "tests/plugin/ctl/fake_orchestrator.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

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

void FakeOrchestrator::AnswerGetTaskWith(grpc::Status status) {
  MutexLock lock(mutex_);
  get_task_answer_ = std::move(status);
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

}  // namespace holdfast::ctl
