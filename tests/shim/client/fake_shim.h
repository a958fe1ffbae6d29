#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "api/executor.grpc.pb.h"
#include "base/mutex.h"
#include "base/unique_fd.h"

namespace holdfast {

// The shim's end of api/executor.proto on a socket, in memory: it says what a
// test wants said and remembers what it was told. Whatever waits gives up
// after ten seconds, and the test sees what is missing.
class FakeShim : public v1::Executor::Service {
 public:
  explicit FakeShim(const std::string& endpoint);
  FakeShim();  // listens nowhere
  ~FakeShim() override { Die(); }
  void Die();  // its stream breaks; what it was told is still known

  void Serve(UniqueFd connected);
  // From now on updates are answered, or not.
  void SetAcknowledging(bool acknowledging) ABSL_LOCKS_EXCLUDED(mutex_);
  // From now on the stream is read, or not.
  void SetReading(bool reading) ABSL_LOCKS_EXCLUDED(mutex_);

  // To the executor that has subscribed; waits for one.
  void Say(const v1::ExecutorEvent& event) ABSL_LOCKS_EXCLUDED(mutex_);
  void SayLaunch(const std::string& task_id, const std::string& data);
  void SayKill(const std::string& task_id, absl::Duration grace_period);
  void SayShutdown(absl::Duration grace_period);
  // Answers what the executor says next by ending the stream with `status`.
  void EndAtNextCall(const grpc::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);

  // Every update so far, those of the subscription too, once there are
  // `count`.
  std::vector<v1::ExecutorCall::Update> AwaitUpdates(size_t count)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Those that it has answered.
  std::vector<v1::ExecutorCall::Update> Acknowledged()
      ABSL_LOCKS_EXCLUDED(mutex_);
  // "task TASK_STATE message" of each.
  std::vector<std::string> AwaitStatuses(size_t count);

 private:
  using Stream = grpc::ServerReaderWriter<v1::ExecutorEvent, v1::ExecutorCall>;

  grpc::Status Connect(grpc::ServerContext* context, Stream* stream) override;
  void OnCall(const v1::ExecutorCall& call, Stream* stream)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnUpdate(const v1::ExecutorCall::Update& update, Stream* stream)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  template <typename Condition>
  void Await(Condition condition) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  std::condition_variable_any changed_;
  bool acknowledging_ ABSL_GUARDED_BY(mutex_) = true;
  bool reading_ ABSL_GUARDED_BY(mutex_) = true;
  Stream* stream_ ABSL_GUARDED_BY(mutex_) = nullptr;  // of who subscribed
  grpc::Status end_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::ExecutorCall::Update> updates_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::ExecutorCall::Update> acknowledged_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace holdfast
