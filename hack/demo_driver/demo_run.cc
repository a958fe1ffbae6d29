#include "hack/demo_driver/demo_run.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "base/errors.h"
#include "base/files.h"
#include "hack/local_agent/cgroup_sweep.h"
#include "hack/local_agent/interrupt.h"

namespace holdfast::hack {
namespace {

using Fate = DemoTask::Fate;

constexpr absl::Duration kStepTimeout = absl::Seconds(20);

template <typename... Args>
void Say(const absl::FormatSpec<Args...>& format, const Args&... args) {
  absl::PrintF(format, args...);
  fflush(stdout);
}

absl::Status Pause(absl::Duration duration) {
  for (const absl::Time end = absl::Now() + duration; absl::Now() < end;) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    absl::SleepFor(std::min(absl::Milliseconds(50), end - absl::Now()));
  }
  return absl::OkStatus();
}

bool IsEmptyDirectory(const std::string& path) {
  const absl::StatusOr<std::vector<std::string>> names =
      SystemFiles().List(path);
  return absl::IsNotFound(names.status()) || (names.ok() && names->empty());
}

}  // namespace

DemoRun::DemoRun(Options options, LocalAgent& agent)
    : options_(std::move(options)), agent_(agent) {
  for (DemoTask& task :
       MakeDemoTasks(agent_.directory() + "/end-now", options_.bin_dir)) {
    seen_.tasks.emplace_back().task = std::move(task);
  }
}

absl::StatusOr<Observations> DemoRun::Run() {
  HOLDFAST_RETURN_IF_ERROR(agent_.Start());
  HOLDFAST_RETURN_IF_ERROR(Register());
  HOLDFAST_RETURN_IF_ERROR(Launch());
  HOLDFAST_RETURN_IF_ERROR(NoteProcesses(&TaskObservation::before));
  HOLDFAST_RETURN_IF_ERROR(Pause(options_.run_before));
  HOLDFAST_RETURN_IF_ERROR(KillAgent());
  HOLDFAST_RETURN_IF_ERROR(StayDown());
  HOLDFAST_RETURN_IF_ERROR(RestartAgent());
  HOLDFAST_RETURN_IF_ERROR(Pause(options_.run_after));
  HOLDFAST_RETURN_IF_ERROR(NoteProcesses(&TaskObservation::after));
  HOLDFAST_RETURN_IF_ERROR(ReadCounters());
  HOLDFAST_RETURN_IF_ERROR(EndEverything());
  LookForLeftovers();
  for (TaskObservation& task : seen_.tasks)
    task.updates = ledger_.Get(task.task.info.task_id());
  return seen_;
}

absl::Status DemoRun::Register() {
  for (const char* framework_id : {kCheckpointing, kNotCheckpointing}) {
    v1::RegisterFrameworkRequest request;
    v1::FrameworkInfo& framework = *request.mutable_framework();
    framework.set_framework_id(framework_id);
    framework.set_name(framework_id);
    framework.set_checkpoint(framework_id == kCheckpointing);
    HOLDFAST_RETURN_IF_ERROR(
        agent_.client().Call(&Stub::RegisterFramework, request).status());
    watchers_.push_back(std::make_unique<UpdateWatcher>(agent_.client(),
                                                        ledger_, framework_id));
  }
  return absl::OkStatus();
}

absl::Status DemoRun::Launch() {
  const absl::Time start = absl::Now();
  for (const TaskObservation& task : seen_.tasks) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    v1::LaunchTaskRequest request;
    request.set_framework_id(task.task.framework_id);
    *request.mutable_task() = task.task.info;
    HOLDFAST_RETURN_IF_ERROR(
        Annotate(agent_.client().Call(&Stub::LaunchTask, request).status(),
                 absl::StrCat("launch ", task.task.info.task_id())));
  }
  const absl::Duration took = absl::Now() - start;
  HOLDFAST_RETURN_IF_ERROR(ledger_.WaitForUpdate(
      TaskIds({Fate::kLives, Fate::kEndsMeanwhile, Fate::kEndsWithAgent}),
      kStepTimeout));
  Say("launched   %d tasks in 50 executors, one after the other, in %.0f ms\n",
      seen_.tasks.size(), absl::ToDoubleMilliseconds(took));
  return absl::OkStatus();
}

absl::Status DemoRun::NoteProcesses(
    std::optional<ProcessIdentity> TaskObservation::*when) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const v1::GetTasksResponse response,
      agent_.client().Call(&Stub::GetTasks, v1::GetTasksRequest()));
  std::map<std::string, const v1::Task*> by_id;
  for (const v1::Task& task : response.tasks()) by_id[task.task_id()] = &task;
  for (TaskObservation& task : seen_.tasks) {
    const auto found = by_id.find(task.task.info.task_id());
    if (found == by_id.end()) continue;
    const absl::StatusOr<ProcessIdentity> process =
        Identify(found->second->pid());
    const absl::StatusOr<ProcessIdentity> shim =
        Identify(found->second->shim_pid());
    if (process.ok()) task.*when = *process;
    if (process.ok()) processes_.push_back(*process);
    if (shim.ok()) processes_.push_back(*shim);
  }
  return absl::OkStatus();
}

absl::Status DemoRun::KillAgent() {
  const pid_t pid = agent_.pid();
  seen_.killed_at = absl::Now();
  HOLDFAST_RETURN_IF_ERROR(agent_.KillHard());
  for (const auto& watcher : watchers_)
    (void)watcher->WaitUntilBroken();  // it is: the agent is dead
  watchers_.clear();
  Say("killed     the agent, pid %d, with SIGKILL\n", pid);
  return absl::OkStatus();
}

absl::Status DemoRun::StayDown() {
  const std::ofstream end_now(agent_.directory() + "/end-now");
  HOLDFAST_RETURN_IF_ERROR(Pause(options_.down));
  int running = 0;
  for (TaskObservation& task : seen_.tasks) {
    task.ran_without_agent = task.before.has_value() && Runs(*task.before);
    running += task.ran_without_agent;
  }
  Say("down       for %s; %d tasks run on, %d have ended\n",
      absl::FormatDuration(options_.down), running,
      seen_.tasks.size() - running);
  return absl::OkStatus();
}

absl::Status DemoRun::RestartAgent() {
  seen_.restarted_at = absl::Now();
  HOLDFAST_RETURN_IF_ERROR(agent_.Start());
  HOLDFAST_ASSIGN_OR_RETURN(
      seen_.recovery,
      agent_.WaitUntilRecovered(LivingExecutors(), kStepTimeout));
  Say("restarted  the agent, pid %d: %d executors attached again after %.0f "
      "ms\n",
      agent_.pid(), LivingExecutors(),
      absl::ToDoubleMilliseconds(seen_.recovery));
  watchers_.push_back(std::make_unique<UpdateWatcher>(agent_.client(), ledger_,
                                                      kCheckpointing));
  v1::ReconcileRequest reconcile;
  reconcile.set_framework_id(kNotCheckpointing);
  reconcile.add_task_ids("plain-1");
  const absl::StatusOr<v1::ReconcileResponse> answer =
      agent_.client().Call(&Stub::Reconcile, reconcile);
  seen_.plain_framework_forgotten =
      answer.ok() && answer->rows_size() == 1 &&
      answer->rows(0).answer() == v1::ReconcileResponse::UNKNOWN_HERE;
  return ledger_.WaitForEnd(TaskIds({Fate::kEndsMeanwhile}), kStepTimeout);
}

absl::Status DemoRun::ReadCounters() {
  for (TaskObservation& task : seen_.tasks) {
    if (task.task.fate == Fate::kEndsWithAgent) continue;  // and its files
    const absl::Time now = absl::Now();
    HOLDFAST_ASSIGN_OR_RETURN(const std::string output, ReadStdout(task.task));
    task.counter = ReadCounterLog(output);
    // One that stopped counting shows no gap between its lines.
    if (task.task.fate == Fate::kLives) {
      task.counter.longest_gap =
          std::max(task.counter.longest_gap, now - task.counter.last);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> DemoRun::ReadStdout(const DemoTask& task) {
  if (!task.counter_file.empty()) {
    v1::GetTaskRequest request;
    request.set_framework_id(task.framework_id);
    request.set_task_id(task.info.task_id());
    HOLDFAST_ASSIGN_OR_RETURN(const v1::GetTaskResponse response,
                              agent_.client().Call(&Stub::GetTask, request));
    return ReadSmallFile(absl::StrCat(response.task().sandbox(), "/sandbox/",
                                      task.counter_file));
  }
  v1::LogsRequest request;
  request.set_framework_id(task.framework_id);
  request.set_task_id(task.info.task_id());
  request.set_stdout_only(true);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kStepTimeout));
  const auto stream = agent_.client().stub().Logs(&context, request);
  std::string output;
  for (v1::LogsResponse response; stream->Read(&response);)
    output += response.data();
  HOLDFAST_RETURN_IF_ERROR(
      Annotate(Client::ToAbsl(stream->Finish()),
               absl::StrCat("read the output of ", task.info.task_id())));
  return output;
}

absl::Status DemoRun::EndEverything() {
  for (const std::string& task_id : TaskIds({Fate::kLives})) {
    v1::KillTaskRequest request;
    request.set_framework_id(kCheckpointing);
    request.set_task_id(task_id);
    HOLDFAST_RETURN_IF_ERROR(
        Annotate(agent_.client().Call(&Stub::KillTask, request).status(),
                 absl::StrCat("kill ", task_id)));
  }
  const std::vector<std::string> all =
      TaskIds({Fate::kLives, Fate::kEndsMeanwhile});
  HOLDFAST_RETURN_IF_ERROR(ledger_.WaitForEnd(all, kStepTimeout));
  for (const std::string& task_id : all)
    HOLDFAST_RETURN_IF_ERROR(RemoveTask(task_id));
  watchers_.clear();
  HOLDFAST_ASSIGN_OR_RETURN(const std::string ended, agent_.StopGently());
  if (ended != "exited 0")
    seen_.left_behind.push_back(absl::StrCat("SIGTERM: the agent ", ended));
  Say("ended      all tasks, removed them, stopped the agent\n");
  return absl::OkStatus();
}

absl::Status DemoRun::RemoveTask(const std::string& task_id) {
  v1::RemoveTaskRequest request;
  request.set_framework_id(kCheckpointing);
  request.set_task_id(task_id);
  const absl::Time deadline = absl::Now() + kStepTimeout;
  while (true) {
    const absl::Status status =
        agent_.client().Call(&Stub::RemoveTask, request).status();
    // A custom executor goes with all of its tasks.
    if (status.ok() || absl::IsNotFound(status)) return absl::OkStatus();
    // It is on its way out.
    if (!absl::IsUnavailable(status) || absl::Now() > deadline)
      return Annotate(status, absl::StrCat("remove ", task_id));
    HOLDFAST_RETURN_IF_ERROR(Pause(absl::Milliseconds(20)));
  }
}

void DemoRun::LookForLeftovers() {
  std::vector<std::string>& left = seen_.left_behind;
  ReapOrphans();
  std::set<pid_t> running;
  for (const ProcessIdentity& process : processes_)
    if (Runs(process)) running.insert(process.pid);
  for (const pid_t pid : running) left.push_back(absl::StrCat("process ", pid));
  for (std::string& process : ProcessesNaming(agent_.directory()))
    left.push_back("process " + process);
  for (std::string& group : CgroupDirectories(agent_.cgroups_root()))
    left.push_back("cgroup " + group);
  for (const std::string& directory :
       {agent_.work_dir() + "/executors", agent_.runtime_dir() + "/shims"}) {
    if (!IsEmptyDirectory(directory)) left.push_back("files in " + directory);
  }
}

std::vector<std::string> DemoRun::TaskIds(
    std::initializer_list<Fate> fates) const {
  std::vector<std::string> task_ids;
  for (const TaskObservation& task : seen_.tasks) {
    if (std::find(fates.begin(), fates.end(), task.task.fate) != fates.end())
      task_ids.push_back(task.task.info.task_id());
  }
  return task_ids;
}

size_t DemoRun::LivingExecutors() const {
  std::set<std::string> executors;
  for (const TaskObservation& task : seen_.tasks) {
    if (task.task.fate != Fate::kLives) continue;
    executors.insert(task.task.info.has_executor()
                         ? task.task.info.executor().executor_id()
                         : task.task.info.task_id());
  }
  return executors.size();
}

}  // namespace holdfast::hack
