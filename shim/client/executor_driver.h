#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/types.pb.h"

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
  // Called one at a time on Run()'s thread, which waits for their return, and
  // hears of nothing else meanwhile: who works for long does it elsewhere. An
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
  // endpoint, so no shim has started this. InvalidArgument: one of them is
  // none.
  static absl::StatusOr<std::unique_ptr<ExecutorDriver>> FromEnvironment(
      Handlers handlers);

  ExecutorDriver(std::string endpoint, absl::Duration recovery_timeout,
                 Handlers handlers);
  ~ExecutorDriver();
  ExecutorDriver(const ExecutorDriver&) = delete;
  ExecutorDriver& operator=(const ExecutorDriver&) = delete;

  // Any thread, at any time; never waits. The order of the calls is kept.
  void SendUpdate(const std::string& task_id, v1::TaskState state,
                  const std::string& message = "");
  void SendUpdate(v1::TaskStatus status);

  // Once. OK: Stop() was called and every update is acknowledged.
  // DeadlineExceeded: no shim for all of the recovery timeout. Aborted: another
  // process subscribed as this executor. InvalidArgument and the like: the
  // shim refused an update or a call, and would again; or the endpoint is none.
  absl::Status Run();

  // Lets Run() return as soon as every update is acknowledged. Any thread.
  void Stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast
