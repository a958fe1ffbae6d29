#pragma once

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "shim/client/executor_driver.h"
#include "tests/shim/client/endpoint.h"
#include "tests/shim/client/fake_shim.h"

namespace holdfast {

// A driver that answers a launch with TASK_RUNNING, a kill with TASK_KILLED
// and a shutdown with Stop(), in a thread of its own.
class DriverTest : public EndpointTest {
 protected:
  void TearDown() override {
    if (driver_ != nullptr) driver_->Stop();
    if (thread_.joinable()) thread_.join();
    shim_.reset();
    EndpointTest::TearDown();
  }

  void StartShim(bool acknowledging = true) {
    shim_.reset();
    shim_ = std::make_unique<FakeShim>(endpoint_);
    shim_->SetAcknowledging(acknowledging);
  }

  void StartDriver(absl::Duration recovery_timeout = absl::Seconds(60)) {
    ExecutorDriver::Handlers handlers;
    handlers.launch = [this](const v1::TaskInfo& task) { on_launch_(task); };
    handlers.kill = [this](const std::string& id, absl::Duration grace) {
      driver_->SendUpdate(id, v1::TASK_KILLED, absl::FormatDuration(grace));
    };
    handlers.shutdown = [this](absl::Duration) { driver_->Stop(); };
    driver_ = std::make_unique<ExecutorDriver>(endpoint_, recovery_timeout,
                                               std::move(handlers));
    thread_ = std::thread([this] { ended_ = driver_->Run(); });
  }

  absl::Status Ended() {
    thread_.join();
    return ended_;
  }

  std::unique_ptr<FakeShim> shim_;
  std::unique_ptr<ExecutorDriver> driver_;
  std::function<void(const v1::TaskInfo&)> on_launch_ =
      [this](const v1::TaskInfo& task) {
        driver_->SendUpdate(task.task_id(), v1::TASK_RUNNING, task.data());
      };

 private:
  std::thread thread_;
  absl::Status ended_;
};

}  // namespace holdfast
