#include "hack/demo_driver/verdicts.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace holdfast::hack {
namespace {

using Fate = DemoTask::Fate;

constexpr absl::Duration kLongestGap = absl::Milliseconds(300);

// How many of the tasks of one fate pass a check.
struct Count {
  int good = 0;
  int all = 0;
};

template <typename Check>
Count CountOf(const Observations& seen, std::initializer_list<Fate> fates,
              Check check) {
  Count count;
  for (const TaskObservation& task : seen.tasks) {
    if (std::find(fates.begin(), fates.end(), task.task.fate) == fates.end())
      continue;
    ++count.all;
    count.good += check(task);
  }
  return count;
}

bool SameProcess(const TaskObservation& task) {
  return task.before.has_value() && task.after == task.before &&
         task.ran_without_agent;
}

bool CountedOn(const TaskObservation& task) {
  return task.counter.lines > 0 && task.counter.missing == 0 &&
         task.counter.damaged == 0 && task.counter.longest_gap <= kLongestGap;
}

// The kernel's truth: code or signal, and an end during the agent's absence.
bool EndedTruly(const TaskObservation& task, const Observations& seen) {
  const v1::TaskStatus* end = task.updates.terminal();
  if (end == nullptr) return false;
  const absl::Time end_time = absl::FromUnixSeconds(end->end_time().seconds()) +
                              absl::Nanoseconds(end->end_time().nanos());
  if (end_time < seen.killed_at || end_time > seen.restarted_at) return false;
  if (task.task.signal != 0)
    return end->signal() == task.task.signal && !end->has_exit_code();
  return end->has_exit_code() && end->exit_code() == task.task.exit_code &&
         !end->has_signal() &&
         (end->state() == v1::TASK_FINISHED) == (task.task.exit_code == 0);
}

// TASK_RUNNING, then one terminal update; nothing twice, nothing out of order.
bool UpdatedOnce(const TaskObservation& task) {
  if (task.updates.repeats > 0 || task.updates.disorders > 0) return false;
  int running = 0;
  for (const v1::StatusUpdate& update : task.updates.updates)
    running += update.status().state() == v1::TASK_RUNNING;
  if (running != 1) return false;
  // Nobody hears how a task without checkpoint ended.
  if (task.task.fate == Fate::kEndsWithAgent) return true;
  return task.updates.terminal() == &task.updates.updates.back().status();
}

bool EndedWithAgent(const TaskObservation& task) {
  return task.before.has_value() && !task.ran_without_agent &&
         !task.after.has_value();
}

Verdict Processes(const Observations& seen) {
  const Count same = CountOf(seen, {Fate::kLives}, SameProcess);
  return {.promise = "the same processes (pid and start time)",
          .seen = absl::StrCat(same.good, " of ", same.all, " tasks"),
          .held = same.good == same.all};
}

Verdict Counters(const Observations& seen) {
  const Count whole =
      CountOf(seen, {Fate::kLives, Fate::kEndsMeanwhile}, CountedOn);
  absl::Duration longest;
  int64_t lines = 0;
  for (const TaskObservation& task : seen.tasks) {
    longest = std::max(longest, task.counter.longest_gap);
    lines += task.counter.lines;
  }
  return {.promise = "output complete, no gap above 300 ms",
          .seen = absl::StrFormat("%d of %d tasks, %d lines, longest %.0f ms",
                                  whole.good, whole.all, lines,
                                  absl::ToDoubleMilliseconds(longest)),
          .held = whole.good == whole.all};
}

Verdict Ends(const Observations& seen) {
  const Count truly =
      CountOf(seen, {Fate::kEndsMeanwhile},
              [&seen](const auto& task) { return EndedTruly(task, seen); });
  return {.promise = "true exit codes of those that ended meanwhile",
          .seen = absl::StrCat(truly.good, " of ", truly.all, " tasks"),
          .held = truly.good == truly.all};
}

Verdict Updates(const Observations& seen) {
  const Count once =
      CountOf(seen, {Fate::kLives, Fate::kEndsMeanwhile, Fate::kEndsWithAgent},
              UpdatedOnce);
  size_t updates = 0;
  int repeats = 0;
  for (const TaskObservation& task : seen.tasks) {
    updates += task.updates.updates.size();
    repeats += task.updates.repeats;
  }
  return {.promise = "each update exactly once, in order",
          .seen = absl::StrCat(once.good, " of ", once.all, " tasks, ", updates,
                               " updates, ", repeats, " repeated"),
          .held = once.good == once.all};
}

Verdict WithoutCheckpoint(const Observations& seen) {
  const Count gone = CountOf(seen, {Fate::kEndsWithAgent}, EndedWithAgent);
  return {.promise = "without checkpoint: gone with the agent",
          .seen = absl::StrCat(gone.good, " of ", gone.all, " tasks"),
          .held = gone.good == gone.all && seen.plain_framework_forgotten};
}

Verdict Leftovers(const Observations& seen) {
  return {.promise = "nothing left: process, cgroup, file",
          .seen = seen.left_behind.empty()
                      ? "nothing"
                      : absl::StrJoin(seen.left_behind, "; "),
          .held = seen.left_behind.empty()};
}

}  // namespace

std::vector<Verdict> Judge(const Observations& seen) {
  return {Processes(seen), Counters(seen),          Ends(seen),
          Updates(seen),   WithoutCheckpoint(seen), Leftovers(seen)};
}

std::string Complaint(const TaskObservation& task, const Observations& seen) {
  const Fate fate = task.task.fate;
  if (fate == Fate::kLives && !SameProcess(task)) return "another process";
  if (fate != Fate::kEndsWithAgent && !CountedOn(task)) return "output";
  if (fate == Fate::kEndsMeanwhile && !EndedTruly(task, seen)) return "end";
  if (fate == Fate::kEndsWithAgent && !EndedWithAgent(task)) return "lives on";
  if (!UpdatedOnce(task)) return "updates";
  return "";
}

}  // namespace holdfast::hack
