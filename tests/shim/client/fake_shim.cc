#include "tests/shim/client/fake_shim.h"

#include <grpcpp/server_posix.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "api/time_convert.h"
#include "gtest/gtest.h"

namespace holdfast {

FakeShim::FakeShim(const std::string& endpoint) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(endpoint, grpc::InsecureServerCredentials());
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
}

FakeShim::FakeShim() {
  grpc::ServerBuilder builder;
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
}

void FakeShim::Die() {
  SetReading(true);
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
}

void FakeShim::Serve(UniqueFd connected) {
  grpc::AddInsecureChannelFromFd(server_.get(), connected.Release());
}

void FakeShim::SetAcknowledging(bool acknowledging) {
  const MutexLock lock(mutex_);
  acknowledging_ = acknowledging;
}

void FakeShim::SetReading(bool reading) {
  const MutexLock lock(mutex_);
  reading_ = reading;
  changed_.notify_all();
}

template <typename Condition>
void FakeShim::Await(Condition condition) {
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition() &&
         changed_.wait_until(mutex_, until) != std::cv_status::timeout) {
  }
}

void FakeShim::Say(const v1::ExecutorEvent& event) {
  const MutexLock lock(mutex_);
  Await([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stream_ != nullptr; });
  ASSERT_NE(stream_, nullptr) << "nobody has subscribed";
  stream_->Write(event);
}

void FakeShim::SayLaunch(const std::string& task_id, const std::string& data) {
  v1::ExecutorEvent event;
  event.mutable_launch()->mutable_task()->set_task_id(task_id);
  event.mutable_launch()->mutable_task()->set_data(data);
  Say(event);
}

void FakeShim::SayKill(const std::string& task_id,
                       absl::Duration grace_period) {
  v1::ExecutorEvent event;
  event.mutable_kill()->set_task_id(task_id);
  *event.mutable_kill()->mutable_grace_period() = ToProto(grace_period);
  Say(event);
}

void FakeShim::SayShutdown(absl::Duration grace_period) {
  v1::ExecutorEvent event;
  *event.mutable_shutdown()->mutable_grace_period() = ToProto(grace_period);
  Say(event);
}

void FakeShim::EndAtNextCall(const grpc::Status& status) {
  const MutexLock lock(mutex_);
  end_ = status;
}

std::vector<v1::ExecutorCall::Update> FakeShim::AwaitUpdates(size_t count) {
  const MutexLock lock(mutex_);
  Await([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return updates_.size() >= count;
  });
  return updates_;
}

std::vector<v1::ExecutorCall::Update> FakeShim::Acknowledged() {
  const MutexLock lock(mutex_);
  return acknowledged_;
}

std::vector<std::string> FakeShim::AwaitStatuses(size_t count) {
  std::vector<std::string> statuses;
  for (const v1::ExecutorCall::Update& update : AwaitUpdates(count)) {
    const v1::TaskStatus& status = update.status();
    statuses.push_back(absl::StrCat(status.task_id(), " ",
                                    v1::TaskState_Name(status.state()), " ",
                                    status.message()));
  }
  return statuses;
}

grpc::Status FakeShim::Connect(grpc::ServerContext*, Stream* stream) {
  v1::ExecutorCall call;
  while (stream->Read(&call)) {
    const MutexLock lock(mutex_);
    if (!end_.ok()) return end_;
    OnCall(call, stream);
    Await([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return reading_; });
  }
  const MutexLock lock(mutex_);
  if (stream_ == stream) stream_ = nullptr;
  return grpc::Status::OK;
}

void FakeShim::OnCall(const v1::ExecutorCall& call, Stream* stream) {
  if (call.has_subscribe()) {
    v1::ExecutorEvent event;
    event.mutable_subscribed()->set_executor_id("e-1");
    stream->Write(event);
    stream_ = stream;
    for (const v1::ExecutorCall::Update& update :
         call.subscribe().unacknowledged()) {
      OnUpdate(update, stream);
    }
  } else {
    OnUpdate(call.update(), stream);
  }
  changed_.notify_all();
}

void FakeShim::OnUpdate(const v1::ExecutorCall::Update& update,
                        Stream* stream) {
  updates_.push_back(update);
  if (!acknowledging_) return;
  acknowledged_.push_back(update);
  v1::ExecutorEvent event;
  event.mutable_acknowledged()->set_uuid(update.uuid());
  stream->Write(event);
}

}  // namespace holdfast
