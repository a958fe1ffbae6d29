#include "hack/demo_driver/demo_tasks.h"

#include <signal.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace holdfast::hack {
namespace {

constexpr int kLoops = 38;
constexpr int kNotCheckpointed = 3;
constexpr int kTasksOfCustom = 3;

// A loop that forks nothing: 50 of them cost two cores next to nothing, so
// that a gap in a counter is ours and not the scheduler's.
std::string CounterLoop(absl::string_view condition, absl::string_view end) {
  return absl::StrCat("exec 3<> <(:); n=0; while ", condition,
                      "; do echo \"$((++n)) $EPOCHREALTIME\"; "
                      "read -rt 0.1 -u 3; done; ",
                      end);
}

DemoTask ShellTask(const std::string& task_id, const std::string& framework_id,
                   const std::string& script) {
  DemoTask task;
  task.framework_id = framework_id;
  task.info.set_task_id(task_id);
  task.info.set_name("counter");
  v1::CommandInfo& command = *task.info.mutable_command();
  command.set_value("bash");
  command.add_arguments("-c");
  command.add_arguments(script);
  v1::RLimit& core = *command.add_rlimits();  // one of them dies by SIGSEGV
  core.set_type("CORE");
  core.set_soft(0);
  core.set_hard(0);
  return task;
}

DemoTask EndingTask(const std::string& end_file, const std::string& task_id,
                    const std::string& end, int exit_code, int signal) {
  DemoTask task =
      ShellTask(task_id, kCheckpointing,
                CounterLoop(absl::StrCat("[ ! -e '", end_file, "' ]"), end));
  task.fate = DemoTask::Fate::kEndsMeanwhile;
  task.exit_code = exit_code;
  task.signal = signal;
  return task;
}

void AddEndingTasks(const std::string& end_file, std::vector<DemoTask>& tasks) {
  for (int i = 1; i <= 3; ++i) {
    tasks.push_back(EndingTask(end_file, absl::StrCat("finishes-", i), "exit 0",
                               /*exit_code=*/0, /*signal=*/0));
    tasks.push_back(EndingTask(end_file, absl::StrCat("fails-", i), "exit 7",
                               /*exit_code=*/7, /*signal=*/0));
  }
  tasks.push_back(EndingTask(end_file, "crashes-1", "kill -SEGV $$",
                             /*exit_code=*/0, SIGSEGV));
  tasks.push_back(EndingTask(end_file, "crashes-2", "kill -KILL $$",
                             /*exit_code=*/0, SIGKILL));
}

// Each task's `data` is the line that the example executor gives to a shell.
void AddCustomExecutor(const std::string& bin_dir,
                       std::vector<DemoTask>& tasks) {
  for (int i = 1; i <= kTasksOfCustom; ++i) {
    DemoTask task;
    task.framework_id = kCheckpointing;
    task.counter_file = absl::StrCat("custom-", i, ".counter");
    task.info.set_task_id(absl::StrCat("custom-", i));
    task.info.set_name("counter");
    task.info.set_data(absl::StrCat("exec bash -c '", CounterLoop(":", ""),
                                    "' >", task.counter_file));
    v1::ExecutorInfo& executor = *task.info.mutable_executor();
    executor.set_executor_id("custom");
    executor.mutable_command()->set_value(
        absl::StrCat(bin_dir, "/multi_task_executor"));
    tasks.push_back(std::move(task));
  }
}

}  // namespace

std::vector<DemoTask> MakeDemoTasks(const std::string& end_file,
                                    const std::string& bin_dir) {
  std::vector<DemoTask> tasks;
  for (int i = 1; i <= kLoops; ++i) {
    tasks.push_back(ShellTask(absl::StrFormat("loop-%02d", i), kCheckpointing,
                              CounterLoop(":", "")));
  }
  AddCustomExecutor(bin_dir, tasks);
  AddEndingTasks(end_file, tasks);
  for (int i = 1; i <= kNotCheckpointed; ++i) {
    tasks.push_back(ShellTask(absl::StrCat("plain-", i), kNotCheckpointing,
                              CounterLoop(":", "")));
    tasks.back().fate = DemoTask::Fate::kEndsWithAgent;
  }
  return tasks;
}

}  // namespace holdfast::hack
