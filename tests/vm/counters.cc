#include "tests/vm/counters.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/errors.h"
#include "base/files.h"
#include "hack/demo_driver/counter_log.h"

namespace holdfast::vm {
namespace {

// It forks nothing: 50 of them are next to no load.
constexpr char kLoop[] =
    "exec 3<> <(:); n=0; while :; do echo \"$((++n)) $EPOCHREALTIME\"; "
    "read -rt 0.1 -u 3; done";
constexpr uint64_t kMemoryBytes = 32 << 20;
constexpr uint64_t kPids = 20;

}  // namespace

absl::StatusOr<Counter> LaunchCounter(hack::Client& client,
                                      const std::string& framework_id,
                                      const std::string& task_id) {
  v1::LaunchTaskRequest request;
  request.set_framework_id(framework_id);
  v1::TaskInfo& task = *request.mutable_task();
  task.set_task_id(task_id);
  task.mutable_command()->set_value("bash");
  task.mutable_command()->add_arguments("-c");
  task.mutable_command()->add_arguments(kLoop);
  task.mutable_resources()->set_memory_bytes(kMemoryBytes);
  task.mutable_resources()->set_pids(kPids);
  HOLDFAST_ASSIGN_OR_RETURN(
      const v1::LaunchTaskResponse response,
      client.Call(&hack::Stub::LaunchTask, request, absl::Minutes(1)));
  Counter counter;
  counter.task_id = task_id;
  counter.container_id = response.task().container_id();
  counter.output = absl::StrCat(response.task().sandbox(), "/stdout");
  HOLDFAST_ASSIGN_OR_RETURN(counter.executor,
                            hack::Identify(response.task().pid()));
  HOLDFAST_ASSIGN_OR_RETURN(counter.shim,
                            hack::Identify(response.task().shim_pid()));
  return counter;
}

absl::StatusOr<BareCounters> BareCounters::Start(int count) {
  BareCounters counters;
  for (int i = 0; i < count; ++i) {
    counters.outputs_.push_back(absl::StrCat("/tmp/bare-counter-", i));
    HOLDFAST_ASSIGN_OR_RETURN(
        hack::ChildProcess loop,
        hack::ChildProcess::Spawn({"/bin/bash", "-c", kLoop},
                                  counters.outputs_.back()));
    counters.loops_.push_back(std::move(loop));
  }
  return counters;
}

BareCounters::~BareCounters() {
  for (hack::ChildProcess& loop : loops_) {
    (void)loop.Signal(SIGKILL);
    (void)loop.Wait(absl::Seconds(20));
  }
}

absl::Duration LongestGap(const std::string& output_file, absl::Time since) {
  std::string output = ReadSmallFile(output_file).value_or("");
  output.resize(output.rfind('\n') + 1);  // npos + 1 is 0
  absl::Time last = absl::InfinitePast();
  absl::Duration longest = absl::InfiniteDuration();
  for (absl::string_view line : absl::StrSplit(output, '\n')) {
    double seconds = 0;
    if (!absl::SimpleAtod(line.substr(line.find(' ') + 1), &seconds)) continue;
    const absl::Time time = absl::UnixEpoch() + absl::Seconds(seconds);
    if (time >= since) {
      const absl::Duration gap = time - std::max(last, since);
      longest =
          longest == absl::InfiniteDuration() ? gap : std::max(longest, gap);
    }
    last = time;
  }
  if (last < since) return absl::InfiniteDuration();
  return std::max(longest, absl::Now() - last);
}

bool IsGapless(const std::string& output_file) {
  const hack::CounterLog log =
      hack::ReadCounterLog(ReadSmallFile(output_file).value_or(""));
  return log.lines > 0 && log.missing == 0 && log.damaged == 0;
}

}  // namespace holdfast::vm
