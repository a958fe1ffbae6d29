#include "tests/interop/serving_thread.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"

namespace holdfast::rpc {
namespace {

struct AbstractAddress {
  explicit AbstractAddress(const std::string& name) {
    address.sun_family = AF_UNIX;
    std::copy(name.begin(), name.end(), address.sun_path + 1);
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 +
                                  name.size());
  }
  const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&address);
  }
  sockaddr_un address = {};
  socklen_t size = 0;
};

}  // namespace

std::string NewSocketName() {
  static std::atomic<int> made = 0;
  return absl::StrCat("holdfast-test-interop-", getpid(), "-", ++made);
}

UniqueFd ListenAbstract(const std::string& name) {
  const AbstractAddress address(name);
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(bind(fd.get(), address.get(), address.size), 0);
  EXPECT_EQ(listen(fd.get(), 64), 0);
  return fd;
}

UniqueFd ConnectAbstract(const std::string& name) {
  const AbstractAddress address(name);
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), address.get(), address.size) != 0) return UniqueFd();
  return fd;
}

ServingThread::ServingThread(ServerOptions options) {
  const std::string name = NewSocketName();
  address_ = absl::StrCat("unix-abstract:", name);
  loop_ = std::move(EventLoop::Create()).value();
  server_ = std::make_unique<GrpcServer>(*loop_, options);
  AddTestService(*server_, log_);
  EXPECT_TRUE(server_->Listen(ListenAbstract(name)).ok());
  thread_ = std::thread([this] { loop_->Run(); });
}

ServingThread::~ServingThread() {
  OnLoop([this] { server_.reset(); });
  loop_->Stop();
  thread_.join();
}

void ServingThread::OnLoop(const std::function<void()>& task) {
  // Shared, since the loop's thread is still in it when we go on.
  const auto done = std::make_shared<std::promise<void>>();
  loop_->Post([&task, done] {
    task();
    done->set_value();
  });
  done->get_future().wait();
}

bool ServingThread::WaitUntil(const std::function<bool()>& done) {
  const absl::Duration end = SystemClock().SinceBoot() + absl::Seconds(10);
  bool is_done = false;
  while (!is_done && SystemClock().SinceBoot() < end) {
    OnLoop([&] { is_done = done(); });
    if (!is_done) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return is_done;
}

}  // namespace holdfast::rpc
