// The custom executor of MeasureUpdates: for each task, as many updates as its
// data says, each with the nanoseconds since 1970 at which it was sent; then
// TASK_FINISHED.

#include <stdio.h>

#include <memory>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "shim/client/executor_driver.h"

namespace holdfast::bench {
namespace {

// Long enough for one update to have come all the way before the next: what
// is measured is the way, not a queue.
constexpr absl::Duration kPause = absl::Milliseconds(10);

void SendUpdates(ExecutorDriver& driver, const v1::TaskInfo& task) {
  int updates = 0;
  if (!absl::SimpleAtoi(task.data(), &updates)) updates = 0;
  for (int i = 0; i < updates; ++i) {
    v1::TaskStatus status;
    status.set_task_id(task.task_id());
    status.set_state(v1::TASK_RUNNING);
    status.set_data(absl::StrCat(absl::GetCurrentTimeNanos()));
    driver.SendUpdate(std::move(status));
    absl::SleepFor(kPause);
  }
  driver.SendUpdate(task.task_id(), v1::TASK_FINISHED);
  driver.Stop();
}

int Main() {
  std::unique_ptr<ExecutorDriver> driver;
  std::thread sender;
  ExecutorDriver::Handlers handlers;
  handlers.launch = [&](const v1::TaskInfo& task) {
    if (sender.joinable()) return;  // one task is all that is measured
    sender = std::thread([&driver, task] { SendUpdates(*driver, task); });
  };
  handlers.shutdown = [&](absl::Duration) { driver->Stop(); };
  absl::StatusOr<std::unique_ptr<ExecutorDriver>> made =
      ExecutorDriver::FromEnvironment(std::move(handlers));
  if (!made.ok()) {
    fprintf(stderr, "bench_executor: %s\n", made.status().ToString().c_str());
    return 2;
  }
  driver = *std::move(made);

  const absl::Status status = driver->Run();

  if (sender.joinable()) sender.join();
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace holdfast::bench

int main() { return holdfast::bench::Main(); }
