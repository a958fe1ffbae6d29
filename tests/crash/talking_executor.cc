// A custom executor that says much: of each task as many large updates as its
// data says, so that its shim's journal grows and is worth compacting. Its
// tasks end when they are told to.

#include <memory>
#include <set>
#include <string>

#include "absl/strings/numbers.h"
#include "shim/client/executor_driver.h"

namespace holdfast {
namespace {

constexpr size_t kMessageBytes = 9900;

int Main() {
  std::unique_ptr<ExecutorDriver> driver;
  std::set<std::string> tasks;
  const auto end = [&](const std::string& task_id) {
    if (tasks.erase(task_id) == 0) return;  // twice: its end was said
    driver->SendUpdate(task_id, v1::TASK_KILLED);
  };
  ExecutorDriver::Handlers handlers;
  handlers.launch = [&](const v1::TaskInfo& task) {
    tasks.insert(task.task_id());
    int updates = 1;
    if (!absl::SimpleAtoi(task.data(), &updates)) updates = 1;
    for (int i = 0; i < updates; ++i) {
      driver->SendUpdate(task.task_id(), v1::TASK_RUNNING,
                         std::string(kMessageBytes, 'x'));
    }
  };
  handlers.kill = [&](const std::string& task_id, absl::Duration) {
    end(task_id);
  };
  handlers.shutdown = [&](absl::Duration) {
    while (!tasks.empty()) end(std::string(*tasks.begin()));
    driver->Stop();
  };
  absl::StatusOr<std::unique_ptr<ExecutorDriver>> made =
      ExecutorDriver::FromEnvironment(std::move(handlers));
  if (!made.ok()) return 2;
  driver = *std::move(made);
  return driver->Run().ok() ? 0 : 1;
}

}  // namespace
}  // namespace holdfast

int main() { return holdfast::Main(); }
