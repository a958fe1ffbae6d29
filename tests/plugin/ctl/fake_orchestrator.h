#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "api/orchestrator.grpc.pb.h"
#include "base/mutex.h"
#include "base/unique_fd.h"
#include "grpcpp/server.h"

namespace holdfast::ctl {

// An agent that behaves as api/orchestrator.proto says, without executors: a
// test writes a task's output and ends it. Its world outlives its lives, as
// the disk and the shims do; what does not checkpoint ends with each.
class FakeOrchestrator final : public v1::Orchestrator::Service {
 public:
  explicit FakeOrchestrator(std::string socket_path);
  ~FakeOrchestrator() override;

  void Start();
  // As kill -9 would: every connection breaks, the socket's file stays.
  void Die();
  // As SIGTERM would: calls are ended, the socket's file is removed.
  void ShutDown();

  // From now on, until taken back by an OK status: what LaunchTask answers, or
  // GetTask.
  void AnswerLaunchesWith(grpc::Status status);
  void AnswerGetTaskWith(grpc::Status status);
  void SetRecovering(bool recovering);
  // Tasks that only SIGKILL ends.
  void IgnoreSigterm();

  void Write(const std::string& task_id, v1::LogsResponse::Stream stream,
             const std::string& bytes);
  // What the log keeps of stdout from here on begins at `offset`.
  void RotateAway(const std::string& task_id, size_t offset);
  void End(const std::string& task_id, int exit_code);
  void EndBySignal(const std::string& task_id, int signal);

  // Block until it has come to that.
  v1::LaunchTaskRequest WaitForLaunch(const std::string& task_id);
  std::vector<v1::KillTaskRequest> WaitForKills(size_t count);
  void WaitForRefusedLaunch();
  void WaitForWatcher();

  v1::Task GetTask(const std::string& task_id);
  std::set<std::string> Frameworks();

  // UPPER_SNAKE `reason` in google.rpc.ErrorInfo, as the real one sends.
  static grpc::Status Error(grpc::StatusCode code, const std::string& message,
                            const std::string& reason);

 private:
  struct KnownTask {
    v1::LaunchTaskRequest launch;
    v1::Task task;
    std::string output[2];
    size_t kept_from = 0;
    std::vector<v1::StatusUpdate> updates;
  };
  using Context = grpc::ServerContext;

  grpc::Status RegisterFramework(Context*, const v1::RegisterFrameworkRequest*,
                                 v1::RegisterFrameworkResponse*) override;
  grpc::Status LaunchTask(Context*, const v1::LaunchTaskRequest*,
                          v1::LaunchTaskResponse*) override;
  grpc::Status KillTask(Context*, const v1::KillTaskRequest*,
                        v1::KillTaskResponse*) override;
  grpc::Status WatchUpdates(
      Context*, const v1::WatchUpdatesRequest*,
      grpc::ServerWriter<v1::WatchUpdatesResponse>*) override;
  grpc::Status GetTasks(Context*, const v1::GetTasksRequest*,
                        v1::GetTasksResponse*) override;
  grpc::Status GetTask(Context*, const v1::GetTaskRequest*,
                       v1::GetTaskResponse*) override;
  grpc::Status GetTimeline(Context*, const v1::GetTimelineRequest*,
                           v1::GetTimelineResponse*) override;
  grpc::Status RemoveTask(Context*, const v1::RemoveTaskRequest*,
                          v1::RemoveTaskResponse*) override;
  grpc::Status Logs(Context*, const v1::LogsRequest*,
                    grpc::ServerWriter<v1::LogsResponse>*) override;
  grpc::Status GetAgent(Context*, const v1::GetAgentRequest*,
                        v1::GetAgentResponse*) override;
  grpc::Status GetRecovery(Context*, const v1::GetRecoveryRequest*,
                           v1::GetRecoveryResponse*) override;

  void Accept();
  void Stop(bool orderly);
  KnownTask* Find(const std::string& framework_id, const std::string& task_id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  KnownTask& MustFind(const std::string& task_id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddUpdate(KnownTask& known, v1::TaskState state)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Finish(KnownTask& known, v1::TaskState state)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool NextChunk(const v1::LogsRequest& request, size_t (&at)[2],
                 KnownTask& known, v1::LogsResponse& chunk)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  template <typename Predicate>
  void WaitUntil(Predicate predicate) ABSL_NO_THREAD_SAFETY_ANALYSIS;
  // Of a stream: a change, or its client or its server has gone.
  bool WaitForMore(Context* context) ABSL_NO_THREAD_SAFETY_ANALYSIS;

  const std::string socket_path_;
  UniqueFd listener_;
  std::thread acceptor_;
  std::unique_ptr<grpc::Server> server_;

  Mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<UniqueFd> connections_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = true;
  int life_ ABSL_GUARDED_BY(mutex_) = 0;
  int watchers_ ABSL_GUARDED_BY(mutex_) = 0;
  int refused_launches_ ABSL_GUARDED_BY(mutex_) = 0;
  bool recovering_ ABSL_GUARDED_BY(mutex_) = false;
  bool ignore_sigterm_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status launch_answer_ ABSL_GUARDED_BY(mutex_);
  grpc::Status get_task_answer_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::FrameworkInfo> frameworks_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, KnownTask> tasks_ ABSL_GUARDED_BY(mutex_);  // by id
  std::vector<v1::StatusUpdate> updates_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::KillTaskRequest> kills_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::ctl
