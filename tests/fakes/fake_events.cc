#include "tests/fakes/fake_events.h"

#include <gtest/gtest.h>

#include <future>
#include <utility>

#include "base/unix_socket.h"

namespace holdfast {

FakeEvents::FakeEvents(std::string path) : path_(std::move(path)) {
  loop_ = std::move(EventLoop::Create()).value();
  thread_ = std::thread([this] { loop_->Run(); });
  Start();
}

FakeEvents::~FakeEvents() {
  Stop();
  loop_->Stop();
  thread_.join();
}

void FakeEvents::Start() {
  OnLoop([this] {
    server_ = std::make_unique<rpc::TtrpcServer>(*loop_);
    server_->AddMethod(
        "containerd.services.events.ttrpc.v1.Events", "Forward",
        [this](absl::string_view request, rpc::TtrpcServer::Reply reply) {
          Forward(request, std::move(reply));
        });
    auto listening = ListenUnix(path_, SocketOwner{});
    ASSERT_TRUE(listening.ok()) << listening.status();
    EXPECT_TRUE(server_->Listen(*std::move(listening)).ok());
  });
}

void FakeEvents::Stop() {
  OnLoop([this] {
    server_.reset();
    unanswered_.clear();
  });
}

void FakeEvents::OnLoop(const std::function<void()>& task) {
  // Shared, since the loop's thread is still in it when we go on.
  const auto done = std::make_shared<std::promise<void>>();
  loop_->Post([&task, done] {
    task();
    done->set_value();
  });
  done->get_future().wait();
}

void FakeEvents::Forward(absl::string_view request,
                         rpc::TtrpcServer::Reply reply) {
  bool hangs;
  absl::Status answer;
  {
    MutexLock lock(mutex_);
    ++requests_;
    hangs = hangs_;
    answer = answer_;
  }
  if (!hangs && answer.ok()) answer = Take(request);
  if (hangs) {
    unanswered_.push_back(std::move(reply));
  } else if (answer.ok()) {
    reply(std::string());
  } else {
    reply(answer);
  }
}

absl::Status FakeEvents::Take(absl::string_view request) {
  ::containerd::services::events::ttrpc::v1::ForwardRequest forward;
  if (!forward.ParseFromArray(request.data(),
                              static_cast<int>(request.size()))) {
    return absl::InvalidArgumentError("no ForwardRequest");
  }
  const Envelope& envelope = forward.envelope();
  if (!envelope.has_timestamp() || envelope.namespace_().empty() ||
      envelope.topic().empty() || envelope.topic()[0] != '/') {
    return absl::InvalidArgumentError("time, namespace or topic is not valid");
  }
  MutexLock lock(mutex_);
  events_.push_back(envelope);
  return absl::OkStatus();
}

std::vector<FakeEvents::Envelope> FakeEvents::events() const {
  MutexLock lock(mutex_);
  return events_;
}

std::vector<std::string> FakeEvents::topics() const {
  std::vector<std::string> topics;
  for (const Envelope& event : events()) topics.push_back(event.topic());
  return topics;
}

int FakeEvents::requests() const {
  MutexLock lock(mutex_);
  return requests_;
}

void FakeEvents::Clear() {
  MutexLock lock(mutex_);
  events_.clear();
  requests_ = 0;
}

void FakeEvents::AnswerWith(absl::Status status) {
  MutexLock lock(mutex_);
  answer_ = std::move(status);
  hangs_ = false;
}

void FakeEvents::Hang() {
  MutexLock lock(mutex_);
  hangs_ = true;
}

}  // namespace holdfast
