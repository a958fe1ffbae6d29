// Updates that come faster than the shim takes them, or while it is replaced.
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <future>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/unix_socket.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/shim/client/driver_fixture.h"

namespace holdfast {
namespace {

using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::Pair;

constexpr auto kLong = std::chrono::seconds(10);
constexpr size_t kKilobyte = 1024;

class DriverBurst : public DriverTest {
 protected:
  // Of one task, numbered, each of `bytes` and a number; whether all calls
  // have returned within kLong.
  bool Send(int count, size_t bytes) {
    auto sent = std::async(std::launch::async, [this, count, bytes] {
      for (int i = 0; i < count; ++i) SendOne("t", i, bytes);
    });
    const bool returned = sent.wait_for(kLong) == std::future_status::ready;
    if (!returned) shim_.reset();  // whatever it waits for, that is over
    return returned;
  }

  void SendOne(const std::string& task_id, int number, size_t bytes) {
    v1::TaskStatus status;
    status.set_task_id(task_id);
    status.set_state(v1::TASK_RUNNING);
    status.set_message(absl::StrCat(number));
    status.set_data(std::string(bytes, 'x'));
    driver_->SendUpdate(std::move(status));
  }
};

std::vector<int> UpTo(int count) {
  std::vector<int> numbers;
  for (int i = 0; i < count; ++i) numbers.push_back(i);
  return numbers;
}

// By task, in their order.
std::map<std::string, std::vector<int>> NumbersOf(
    const std::vector<v1::ExecutorCall::Update>& updates) {
  std::map<std::string, std::vector<int>> numbers;
  for (const v1::ExecutorCall::Update& update : updates) {
    int number = -1;
    EXPECT_TRUE(absl::SimpleAtoi(update.status().message(), &number));
    numbers[update.status().task_id()].push_back(number);
  }
  return numbers;
}

TEST_F(DriverBurst, DoesNotWaitForASocketThatNobodyReads) {
  const UniqueFd listening = *ListenUnix(directory_ + "/socket", {});
  StartDriver();
  pollfd connecting = {.fd = listening.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&connecting, 1, 10'000), 1);

  ASSERT_TRUE(Send(1000, /*bytes=*/0));

  shim_ = std::make_unique<FakeShim>();
  shim_->Serve(UniqueFd(accept4(listening.get(), nullptr, nullptr,
                                SOCK_CLOEXEC | SOCK_NONBLOCK)));
  EXPECT_THAT(NumbersOf(shim_->AwaitUpdates(1000))["t"],
              ElementsAreArray(UpTo(1000)));
}

TEST_F(DriverBurst, DoesNotWaitForAShimThatTakesNothing) {
  StartShim();
  StartDriver();
  shim_->SetReading(false);

  ASSERT_TRUE(Send(1000, kKilobyte));

  EXPECT_LT(shim_->AwaitUpdates(0).size(), 1000u);
  shim_->SetReading(true);
  EXPECT_THAT(NumbersOf(shim_->AwaitUpdates(1000))["t"],
              ElementsAreArray(UpTo(1000)));
}

TEST_F(DriverBurst, SaysToTheNextShimMoreThanOneMessageTakes) {
  constexpr int kCount = 600;
  StartDriver();
  ASSERT_TRUE(Send(kCount, 10 * kKilobyte));

  StartShim();

  EXPECT_THAT(NumbersOf(shim_->AwaitUpdates(kCount))["t"],
              ElementsAreArray(UpTo(kCount)));
}

TEST_F(DriverBurst, IsHeardFromAHandlerThatGoesOn) {
  constexpr size_t kCount = 2000;
  std::atomic<bool> heard = false;
  on_launch_ = [&](const v1::TaskInfo&) {
    for (int i = 0; !heard; ++i) SendOne("t", i, kKilobyte);
  };
  StartShim(/*acknowledging=*/false);
  StartDriver();

  shim_->SayLaunch("t", "");
  const size_t count = shim_->AwaitUpdates(kCount).size();
  heard = true;

  EXPECT_GE(count, kCount);
  driver_->Stop();
  StartShim();  // acknowledges, so that Run() returns
  EXPECT_EQ(Ended(), absl::OkStatus());
}

TEST_F(DriverBurst, LosesAndRepeatsNothingThoughTheShimIsReplaced) {
  constexpr int kThreads = 4;
  constexpr int kCount = 200;
  on_launch_ = [this](const v1::TaskInfo&) { SendOne("last", 0, 0); };
  StartShim();
  StartDriver();
  std::promise<void> gate;
  std::shared_future<void> second_half = gate.get_future().share();
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([this, thread, second_half] {
      for (int i = 0; i < kCount; ++i) {
        if (i == kCount / 2) second_half.wait();
        SendOne(absl::StrCat("t-", thread), i, /*bytes=*/0);
      }
    });
  }
  ASSERT_GE(shim_->AwaitUpdates(kCount).size(), size_t{kCount});
  shim_->SetAcknowledging(false);
  shim_->SayLaunch("last", "");  // it has heard of all acknowledgements then
  const std::vector<v1::ExecutorCall::Update> acknowledged =
      shim_->Acknowledged();
  ASSERT_GE(shim_->AwaitUpdates(kThreads * kCount / 2 + 1).size(),
            size_t{kThreads * kCount / 2 + 1});

  gate.set_value();
  shim_->Die();
  StartShim();
  for (std::thread& thread : threads) thread.join();

  std::vector<v1::ExecutorCall::Update> all = acknowledged;
  for (const v1::ExecutorCall::Update& update :
       shim_->AwaitUpdates(kThreads * kCount + 1 - acknowledged.size())) {
    all.push_back(update);
  }
  std::map<std::string, std::vector<int>> numbers = NumbersOf(all);
  EXPECT_EQ(numbers.extract("last").mapped().size(), 1u);
  EXPECT_EQ(numbers.size(), size_t{kThreads});
  EXPECT_THAT(numbers,
              Each(Pair(::testing::_, ElementsAreArray(UpTo(kCount)))));
}

}  // namespace
}  // namespace holdfast
