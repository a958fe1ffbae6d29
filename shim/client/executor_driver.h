#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/executor.grpc.pb.h"
#include "api/types.pb.h"
#include "base/mutex.h"

namespace holdfast {

// A custom executor's half of api/executor.proto, for programs in C++. It
// holds each update until the shim has it on disk, finds the shim again while
// that is replaced, and so leaves the executor nothing to recover.
//
//   ExecutorDriver::Handlers handlers;
//   handlers.launch = [&](const v1::TaskInfo& task) { … };
//   auto driver = ExecutorDriver::FromEnvironment(std::move(handlers));
//   return (*driver)->Run().ok() ? 0 : 1;
class ExecutorDriver {
 public:
  // Called one at a time on Run()'s thread, which waits for their return. An
  // empty one ignores its event.
  struct Handlers {
    // Each task once, however often the shim has to say it.
    std::function<void(const v1::TaskInfo& task)> launch;
    // SIGTERM, `grace_period`, SIGKILL; the end is said by an update.
    std::function<void(const std::string& task_id, absl::Duration grace_period)>
        kill;
    // End all tasks, say so, Stop(). After `grace_period` the shim kills.
    std::function<void(absl::Duration grace_period)> shutdown;
  };

  // From HOLDFAST_EXECUTOR_ENDPOINT ("unix:/…") and HOLDFAST_RECOVERY_TIMEOUT
  // (seconds; 900 when it is not set). FailedPrecondition: there is no
  // endpoint, so no shim has started this. InvalidArgument: no timeout.
  static absl::StatusOr<std::unique_ptr<ExecutorDriver>> FromEnvironment(
      Handlers handlers);

  ExecutorDriver(std::string endpoint, absl::Duration recovery_timeout,
                 Handlers handlers);
  ~ExecutorDriver();
  ExecutorDriver(const ExecutorDriver&) = delete;
  ExecutorDriver& operator=(const ExecutorDriver&) = delete;

  // Any thread, at any time; never waits. The order of the calls is kept.
  void SendUpdate(const std::string& task_id, v1::TaskState state,
                  const std::string& message = "") ABSL_LOCKS_EXCLUDED(mutex_);
  void SendUpdate(v1::TaskStatus status) ABSL_LOCKS_EXCLUDED(mutex_);

  // Once. OK: Stop() was called and every update is acknowledged.
  // DeadlineExceeded: no shim for all of the recovery timeout. Aborted: another
  // process subscribed as this executor. InvalidArgument and the like: the
  // shim refused an update or a call, and would again.
  absl::Status Run() ABSL_LOCKS_EXCLUDED(mutex_);

  // Lets Run() return as soon as every update is acknowledged. Any thread.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class Connection;

  absl::Status Connect();
  v1::ExecutorCall Subscribe(Connection& connection)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Disconnect() ABSL_LOCKS_EXCLUDED(mutex_);
  void Handle(const v1::ExecutorEvent& event);
  void OnLaunch(const v1::TaskInfo& task);
  void OnAcknowledged(const std::string& uuid) ABSL_LOCKS_EXCLUDED(mutex_);
  void BeginWriting() ABSL_LOCKS_EXCLUDED(mutex_);
  // The writer's thread, one for each connection.
  void WriteUpdates() ABSL_LOCKS_EXCLUDED(mutex_);
  // What is to be written next, and to what; null: the connection is over.
  Connection* AwaitNext(v1::ExecutorCall& call) ABSL_LOCKS_EXCLUDED(mutex_);
  // Null: nothing is to be written, or it is not our turn. One writes at a
  // time, and says when it has Written().
  Connection* TakeNext(v1::ExecutorCall& call)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Written() ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsDone() ABSL_LOCKS_EXCLUDED(mutex_);
  void CancelIfDone() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Pause(absl::Duration delay) ABSL_LOCKS_EXCLUDED(mutex_);

  const std::string endpoint_;
  const absl::Duration recovery_timeout_;
  const Handlers handlers_;

  // Run()'s thread alone.
  absl::flat_hash_set<std::string> launched_;  // no update of it is durable yet
  absl::Duration last_seen_;                   // the shim; since boot
  absl::Duration pause_;

  Mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<v1::ExecutorCall::Update> unacknowledged_ ABSL_GUARDED_BY(mutex_);
  size_t unacknowledged_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t sent_ ABSL_GUARDED_BY(mutex_) = 0;  // of them, on this connection
  bool subscribed_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Connection* connection_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace holdfast
