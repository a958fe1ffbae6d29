#include "hack/demo_driver/verdicts.h"

#include <functional>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace holdfast::hack {
namespace {

using Fate = DemoTask::Fate;

constexpr int64_t kKilledAt = 1000;
constexpr int64_t kEndedAt = 1001;
constexpr int64_t kRestartedAt = 1003;

void AddUpdate(TaskObservation& task, v1::TaskState state) {
  v1::StatusUpdate& update = task.updates.updates.emplace_back();
  update.set_sequence(task.updates.updates.size());
  update.mutable_status()->set_state(state);
  update.mutable_status()->mutable_end_time()->set_seconds(kEndedAt);
}

TaskObservation GoodTask(Fate fate) {
  TaskObservation task;
  task.task.fate = fate;
  task.task.info.set_task_id(absl::StrCat("task-", static_cast<int>(fate)));
  task.before = ProcessIdentity{.pid = 10, .start_ticks = 99};
  task.counter = {.lines = 50, .longest_gap = absl::Milliseconds(120)};
  AddUpdate(task, v1::TASK_RUNNING);
  if (fate == Fate::kLives) {
    task.ran_without_agent = true;
    task.after = task.before;
    AddUpdate(task, v1::TASK_KILLED);
  }
  if (fate == Fate::kEndsMeanwhile) {
    task.task.exit_code = 7;
    AddUpdate(task, v1::TASK_FAILED);
    task.updates.updates.back().mutable_status()->set_exit_code(7);
  }
  return task;
}

Observations GoodRun() {
  Observations seen;
  seen.tasks = {GoodTask(Fate::kLives), GoodTask(Fate::kEndsMeanwhile),
                GoodTask(Fate::kEndsWithAgent)};
  seen.killed_at = absl::FromUnixSeconds(kKilledAt);
  seen.restarted_at = absl::FromUnixSeconds(kRestartedAt);
  seen.plain_framework_forgotten = true;
  return seen;
}

TEST(Verdicts, AllHoldInAGoodRun) {
  const Observations seen = GoodRun();

  for (const Verdict& verdict : Judge(seen))
    EXPECT_TRUE(verdict.held) << verdict.promise << ": " << verdict.seen;
  for (const TaskObservation& task : seen.tasks)
    EXPECT_EQ(Complaint(task, seen), "") << task.task.info.task_id();
}

// Each way in which a run can be bad, and the promise that it breaks.
struct BadRun {
  const char* what;
  const char* broken;  // a part of the promise
  std::function<void(Observations&)> spoil;
};

TaskObservation& Living(Observations& seen) { return seen.tasks[0]; }
TaskObservation& Ending(Observations& seen) { return seen.tasks[1]; }
TaskObservation& Plain(Observations& seen) { return seen.tasks[2]; }
v1::TaskStatus& End(TaskObservation& task) {
  return *task.updates.updates.back().mutable_status();
}

const BadRun kBadRuns[] = {
    {"a pid that was reused", "same processes",
     [](Observations& seen) { Living(seen).after->start_ticks = 100; }},
    {"a task that is gone", "same processes",
     [](Observations& seen) { Living(seen).after.reset(); }},
    {"a long gap", "no gap",
     [](Observations& seen) {
       Living(seen).counter.longest_gap = absl::Milliseconds(301);
     }},
    {"a lost line", "no gap",
     [](Observations& seen) { Ending(seen).counter.missing = 1; }},
    {"no output", "no gap",
     [](Observations& seen) { Living(seen).counter = CounterLog(); }},
    {"another exit code", "true exit codes",
     [](Observations& seen) { End(Ending(seen)).set_exit_code(0); }},
    {"a signal instead of a code", "true exit codes",
     [](Observations& seen) { Ending(seen).task.signal = 11; }},
    {"a failure told as success", "true exit codes",
     [](Observations& seen) {
       End(Ending(seen)).set_state(v1::TASK_FINISHED);
     }},
    {"an end time of the restart", "true exit codes",
     [](Observations& seen) {
       End(Ending(seen)).mutable_end_time()->set_seconds(kRestartedAt + 1);
     }},
    {"an update that came twice", "exactly once",
     [](Observations& seen) { Living(seen).updates.repeats = 1; }},
    {"updates out of order", "exactly once",
     [](Observations& seen) { Living(seen).updates.disorders = 1; }},
    {"no terminal update", "exactly once",
     [](Observations& seen) { Living(seen).updates.updates.pop_back(); }},
    {"two that say running", "exactly once",
     [](Observations& seen) { AddUpdate(Plain(seen), v1::TASK_RUNNING); }},
    {"a task without checkpoint that lives on", "without checkpoint",
     [](Observations& seen) { Plain(seen).ran_without_agent = true; }},
    {"a framework without checkpoint that is remembered", "without checkpoint",
     [](Observations& seen) { seen.plain_framework_forgotten = false; }},
    {"a cgroup that is left", "nothing left",
     [](Observations& seen) { seen.left_behind.push_back("cgroup x"); }},
};

TEST(Verdicts, NameThePromiseThatABadRunBreaks) {
  for (const BadRun& bad : kBadRuns) {
    Observations seen = GoodRun();

    bad.spoil(seen);

    bool named = false;
    for (const Verdict& verdict : Judge(seen)) {
      if (verdict.promise.find(bad.broken) != std::string::npos)
        named = !verdict.held;
    }
    EXPECT_TRUE(named) << bad.what;
  }
}

}  // namespace
}  // namespace holdfast::hack
