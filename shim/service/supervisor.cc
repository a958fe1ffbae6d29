#include "shim/service/supervisor.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "shim/executor/launch.h"
#include "shim/service/adoption.h"
#include "shim/service/exit_status.h"
#include "shim/service/launch_plan.h"
#include "shim/service/outcome.h"
#include "shim/service/output_pipe.h"
#include "shim/service/task_update.h"

namespace holdfast::shim {
namespace {

// The files of its output are made so long after the executor was started.
constexpr absl::Duration kTouchDelay = absl::Milliseconds(2);

// An agent that has just started this shim gets this long to attach, also
// where its loss ends the executor at once.
Lease FirstLease(const ExecutorFacts& facts) {
  Lease lease = LeaseOf(facts);
  lease.recovery_timeout = std::max(lease.recovery_timeout, absl::Seconds(10));
  return lease;
}

bool EndsDetached(const std::deque<v1::JournalRecord>& history) {
  const auto last = std::find_if(
      history.rbegin(), history.rend(), [](const v1::JournalRecord& record) {
        return record.has_attached() || record.has_detached();
      });
  return last != history.rend() && last->has_detached();
}

}  // namespace

Supervisor::Supervisor(EventLoop& loop, ExecutorJournal journal,
                       std::string runtime_directory)
    : loop_(loop),
      journal_(std::move(journal)),
      runtime_directory_(std::move(runtime_directory)),
      fence_(loop, FirstLease(facts()), [this] { OnFenced(); }),
      told_detached_(EndsDetached(facts().history)) {}

Supervisor::~Supervisor() {
  if (process_) loop_.Unwatch(process_.fd());
  loop_.Cancel(kill_timer_);
  loop_.Cancel(touch_timer_);
  loop_.Cancel(timeline_timer_);
}

absl::Status Supervisor::Start(absl::Status obstacle) {
  if (facts().started) return Adopt();
  if (obstacle.ok()) obstacle = Launch();
  if (!obstacle.ok()) return RecordLaunchFailure(obstacle);
  HOLDFAST_FAILPOINT(ExecutorStarted);
  if (absl::Status recorded = RecordStarted(); !recorded.ok()) {
    // Nobody was told that it runs, and nobody could be.
    (void)group_->KillAll();
    return recorded;
  }
  HOLDFAST_FAILPOINT(StartRecorded);
  return WatchProcess();
}

absl::Status Supervisor::OpenOutputs(UniqueFd& stdout_end,
                                     UniqueFd& stderr_end) {
  HOLDFAST_RETURN_IF_ERROR(OpenOutput("stdout", stdout_, stdout_end));
  return OpenOutput("stderr", stderr_, stderr_end);
}

absl::Status Supervisor::Launch() {
  const v1::LaunchSpec& spec = facts().intent.launch();
  HOLDFAST_ASSIGN_OR_RETURN(
      group_,
      ProcessGroup::Open(spec.cgroup_directory(), spec.freezer_directory()));
  oom_kills_before_ = ReadOomKills(spec.oom_file());
  UniqueFd stdout_end, stderr_end;
  HOLDFAST_RETURN_IF_ERROR(OpenOutputs(stdout_end, stderr_end));
  HOLDFAST_FAILPOINT(OutputsOpened);
  LaunchPlan plan = MakeLaunchPlan(spec);
  plan.stdout_fd = stdout_end.get();
  plan.stderr_fd = stderr_end.get();
  HOLDFAST_ASSIGN_OR_RETURN(process_, holdfast::shim::Launch(plan));
  return absl::OkStatus();
}

// The shim that started it has died. A process that is believed to be the same
// is watched on, its output is in the same pipes, and what was asked before
// holds.
absl::Status Supervisor::Adopt() {
  const v1::LaunchSpec& spec = facts().intent.launch();
  HOLDFAST_ASSIGN_OR_RETURN(
      group_, ProcessGroup::OpenFormer(spec.cgroup_directory(),
                                       spec.freezer_directory(),
                                       facts().started->cgroup_id()));
  UniqueFd stdout_end, stderr_end;
  HOLDFAST_RETURN_IF_ERROR(OpenOutputs(stdout_end, stderr_end));
  HOLDFAST_ASSIGN_OR_RETURN(FoundProcess found,
                            FindProcess(*facts().started, *group_));
  HOLDFAST_FAILPOINT(AdopteeFound);
  TellAdopted();
  HOLDFAST_FAILPOINT(AdoptionRecorded);
  process_ = std::move(found.process);
  if (process_) {
    HOLDFAST_RETURN_IF_ERROR(WatchProcess());
    GoOnKilling();
    return absl::OkStatus();
  }
  v1::Exited exited;
  exited.set_message(absl::StrCat("its shim had died, and then it ended (",
                                  found.absence, ")"));
  BeginReaping(std::move(exited));
  return absl::OkStatus();
}

// The process as it was recorded, with the shim that it has now.
void Supervisor::TellAdopted() {
  v1::JournalRecord record;
  *record.mutable_started() = *facts().started;
  record.mutable_started()->set_shim_pid(getpid());
  *record.mutable_started()->mutable_time() = ToProto(loop_.clock().Now());
  TellTimeline({record});
}

// What was asked of the former shim; the shortest grace counts.
void Supervisor::GoOnKilling() {
  if (facts().fenced) Terminate(GraceOf(v1::KillRequested()));
  if (facts().kill) Terminate(GraceOf(*facts().kill));
  // A custom executor ends its own tasks.
  if (!facts().intent.launch().custom() && facts().tasks[0].kill) {
    Terminate(GraceOf(*facts().tasks[0].kill));
  }
}

absl::Status Supervisor::OpenOutput(const char* name,
                                    std::unique_ptr<OutputLog>& log,
                                    UniqueFd& executor_end) {
  const v1::LaunchSpec& spec = facts().intent.launch();
  HOLDFAST_ASSIGN_OR_RETURN(
      OutputPipe pipe,
      OpenOutputPipe(absl::StrCat(runtime_directory_, "/", name), spec));
  executor_end = std::move(pipe.executors);
  OutputBounds bounds;
  bounds.max_file_bytes = spec.output().max_file_bytes();
  bounds.max_files = spec.output().max_files();
  HOLDFAST_ASSIGN_OR_RETURN(
      log, OutputLog::Create(loop_, std::move(pipe.ours),
                             spec.output_directory(), name, bounds));
  return absl::OkStatus();
}

absl::Status Supervisor::RecordLaunchFailure(const absl::Status& failure) {
  phase_ = Phase::kReaping;
  fence_.Disarm();
  std::vector<v1::JournalRecord> records(2);
  v1::Exited& exited = *records[0].mutable_exited();
  exited.set_message(std::string(failure.message()));
  *exited.mutable_time() = ToProto(loop_.clock().Now());
  *records[1].mutable_update() = journal_.Complete(
      MakeTaskUpdate(facts().intent.task(), v1::TASK_FAILED,
                     v1::REASON_CONTAINER_LAUNCH_FAILED,
                     std::string(failure.message()), loop_.clock().Now()));
  HOLDFAST_RETURN_IF_ERROR(Record(std::move(records)));
  phase_ = Phase::kOver;
  if (listeners_.on_over) loop_.Post(listeners_.on_over);
  return absl::OkStatus();
}

absl::Status Supervisor::RecordStarted() {
  HOLDFAST_ASSIGN_OR_RETURN(const uint64_t start_ticks,
                            ReadStartTicks(process_.pid()));
  std::vector<v1::JournalRecord> records(1);
  v1::Started& started = *records[0].mutable_started();
  started.set_pid(process_.pid());
  started.set_start_ticks(start_ticks);
  started.set_boot_id(facts().intent.boot_id());
  started.set_cgroup_id(group_->cgroup_id());
  started.set_shim_pid(getpid());
  *started.mutable_time() = ToProto(loop_.clock().Now());
  if (!facts().intent.launch().custom()) {
    v1::StatusUpdate running =
        MakeTaskUpdate(facts().intent.task(), v1::TASK_RUNNING,
                       v1::REASON_UNSPECIFIED, "", loop_.clock().Now());
    *running.mutable_status()->mutable_start_time() = started.time();
    *records.emplace_back().mutable_update() =
        journal_.Complete(std::move(running));
  }
  return Record(std::move(records));
}

absl::Status Supervisor::WatchProcess() {
  phase_ = Phase::kRunning;
  // Whoever waits for the launch is answered first.
  touch_timer_ = loop_.After(kTouchDelay, [this] {
    stdout_->Touch();
    stderr_->Touch();
  });
  return loop_.Watch(process_.fd(), EPOLLIN,
                     [this](uint32_t) { OnProcessEnded(); });
}

// A write that fails is an error of one call: the next one begins with what
// the disk says.
absl::Status Supervisor::Record(std::vector<v1::JournalRecord> records) {
  HOLDFAST_RETURN_IF_ERROR(journal_.ReopenIfFailed());
  if (untold_attachment_) records.insert(records.begin(), *untold_attachment_);
  HOLDFAST_RETURN_IF_ERROR(journal_.Record(records));
  HOLDFAST_FAILPOINT(RecordDurable);
  if (std::exchange(untold_attachment_, std::nullopt)) told_detached_ = false;
  if (listeners_.on_record) {
    for (const v1::JournalRecord& record : records) {
      listeners_.on_record(record);
    }
  }
  return absl::OkStatus();
}

absl::Status Supervisor::LaunchTask(const v1::TaskInfo& task) {
  if (facts().FindTask(task.task_id()) != nullptr) return absl::OkStatus();
  if (!facts().intent.launch().custom()) {
    return absl::FailedPreconditionError(
        absl::StrCat("launch task ", task.task_id(), ": executor ",
                     facts().intent.executor_id(), " runs one command"));
  }
  if (phase_ != Phase::kRunning) {
    return absl::FailedPreconditionError(
        absl::StrCat("launch task ", task.task_id(), ": executor ",
                     facts().intent.executor_id(), " is ending"));
  }
  std::vector<v1::JournalRecord> records(1);
  *records[0].mutable_task_intent()->mutable_task() = task;
  *records[0].mutable_task_intent()->mutable_time() =
      ToProto(loop_.clock().Now());
  HOLDFAST_RETURN_IF_ERROR(Record(std::move(records)));
  HOLDFAST_FAILPOINT(TaskIntended);
  if (listeners_.on_task) listeners_.on_task();
  return absl::OkStatus();
}

absl::Duration Supervisor::GraceOf(const v1::TaskInfo& task) const {
  return FromProto(task.kill_policy().has_grace_period()
                       ? task.kill_policy().grace_period()
                       : facts().intent.launch().grace_period());
}

absl::Duration Supervisor::GraceOf(const v1::KillRequested& request) const {
  if (request.has_grace_period()) return FromProto(request.grace_period());
  if (const TaskFacts* task = facts().FindTask(request.task_id())) {
    return GraceOf(task->info);
  }
  // The whole executor: none of its tasks gets less than it was promised.
  std::optional<absl::Duration> longest;
  for (const TaskFacts& task : facts().tasks) {
    if (task.IsTerminal()) continue;
    longest =
        std::max(longest.value_or(absl::ZeroDuration()), GraceOf(task.info));
  }
  return longest.value_or(FromProto(facts().intent.launch().grace_period()));
}

absl::Status Supervisor::Kill(v1::KillRequested request,
                              absl::Duration max_grace) {
  const TaskFacts* task = nullptr;
  if (!request.task_id().empty()) {
    task = facts().FindTask(request.task_id());
    if (task == nullptr) {
      return absl::NotFoundError(
          absl::StrCat("kill task ", request.task_id(), ": executor ",
                       facts().intent.executor_id(), " has no such task"));
    }
    if (task->IsTerminal()) return absl::OkStatus();
  }
  if (phase_ == Phase::kReaping || phase_ == Phase::kOver) {
    return absl::OkStatus();
  }
  const absl::Duration grace = std::min(GraceOf(request), max_grace);
  *request.mutable_grace_period() = ToProto(grace);
  *request.mutable_time() = ToProto(loop_.clock().Now());
  std::vector<v1::JournalRecord> records(1);
  *records[0].mutable_kill_requested() = request;
  if (facts().intent.task_killing_state()) TellKilling(task, records);
  HOLDFAST_RETURN_IF_ERROR(Record(std::move(records)));
  HOLDFAST_FAILPOINT(KillRecorded);
  const bool custom = facts().intent.launch().custom();
  if (custom && listeners_.on_kill) listeners_.on_kill(request);
  // A custom executor ends its own tasks.
  if (!custom || request.task_id().empty()) Terminate(grace);
  return absl::OkStatus();
}

// Once for each task: `task`, or all where that is null.
void Supervisor::TellKilling(const TaskFacts* task,
                             std::vector<v1::JournalRecord>& records) const {
  if (facts().kill) return;  // all were told
  uint64_t updates = 0;
  for (const TaskFacts& each : facts().tasks) {
    if (task != nullptr && task != &each) continue;
    if (each.IsTerminal() || each.kill) continue;
    *records.emplace_back().mutable_update() = journal_.Complete(
        MakeTaskUpdate(each.info, v1::TASK_KILLING, v1::REASON_UNSPECIFIED, "",
                       loop_.clock().Now()),
        updates++);
  }
}

void Supervisor::Terminate(absl::Duration grace) {
  const absl::Duration kill_at = loop_.clock().SinceBoot() + grace;
  const bool first = phase_ == Phase::kRunning;
  if (phase_ != Phase::kRunning && phase_ != Phase::kKilling) return;
  phase_ = Phase::kKilling;
  if (grace <= absl::ZeroDuration()) {
    kill_at_ = kill_at;
    if (absl::Status killed = group_->KillAll(); !killed.ok()) {
      Log(Severity::kError, killed.ToString());
    }
    HOLDFAST_FAILPOINT(ExecutorKilled);
    return;
  }
  if (first) {
    if (absl::Status sent = group_->SignalAll(SIGTERM); !sent.ok()) {
      Log(Severity::kWarning, sent.ToString());
    }
    HOLDFAST_FAILPOINT(ExecutorSignalled);
  }
  if (kill_at >= kill_at_) return;  // a repeated kill can only shorten it
  kill_at_ = kill_at;
  loop_.Cancel(kill_timer_);
  kill_timer_ = loop_.After(grace, [this] {
    kill_timer_ = 0;
    if (absl::Status killed = group_->KillAll(); !killed.ok()) {
      Log(Severity::kError, killed.ToString());
    }
    HOLDFAST_FAILPOINT(ExecutorKilled);
  });
}

void Supervisor::OnFenced() {
  if (phase_ != Phase::kRunning && phase_ != Phase::kKilling) return;
  v1::JournalRecord record;
  if (facts().intent.checkpoint()) {
    *record.mutable_fenced()->mutable_recovery_timeout() =
        ToProto(fence_.lease().recovery_timeout);
    *record.mutable_fenced()->mutable_time() = ToProto(loop_.clock().Now());
  } else {
    record.mutable_kill_requested()->set_reason(v1::REASON_AGENT_ENDED);
    *record.mutable_kill_requested()->mutable_time() =
        ToProto(loop_.clock().Now());
  }
  // The fence holds also where the disk does not take its record.
  if (absl::Status recorded = Record({record}); !recorded.ok()) {
    Log(Severity::kError, recorded.ToString());
    unrecorded_fence_ = std::move(record);
  }
  HOLDFAST_FAILPOINT(FenceRecorded);
  v1::KillRequested request;
  const absl::Duration grace = GraceOf(request);
  *request.mutable_grace_period() = ToProto(grace);
  if (listeners_.on_kill) listeners_.on_kill(request);
  Terminate(grace);
}

void Supervisor::OnProcessEnded() {
  loop_.Unwatch(process_.fd());
  HOLDFAST_FAILPOINT(EndSeen);
  BeginReaping(LearnExit(process_, facts().started->start_ticks()));
}

void Supervisor::BeginReaping(v1::Exited exited) {
  *exited.mutable_time() = ToProto(loop_.clock().Now());
  exited.set_oom_killed(ReadOomKills(facts().intent.launch().oom_file()) >
                        oom_kills_before_);
  loop_.Cancel(kill_timer_);
  loop_.Cancel(touch_timer_);
  fence_.Disarm();
  phase_ = Phase::kReaping;
  end_ = std::make_unique<ExecutorEnd>(
      ExecutorEnd::Executor{loop_, journal_, *group_, *stdout_, *stderr_,
                            runtime_directory_ + "/../../host-is-stopping"},
      std::move(exited), std::move(unrecorded_fence_),
      ExecutorEnd::Events{
          .record =
              [this](std::vector<v1::JournalRecord> records) {
                return Record(std::move(records));
              },
          .on_recorded = [this] { phase_ = Phase::kOver; },
          .on_over =
              [this] {
                if (listeners_.on_over) listeners_.on_over();
              },
      });
  end_->Begin();
}

absl::Status Supervisor::Acknowledge(const std::string& uuid) {
  HOLDFAST_RETURN_IF_ERROR(journal_.ReopenIfFailed());
  return journal_.Acknowledge(uuid, loop_.clock().Now());
}

absl::Status Supervisor::AddUpdate(v1::StatusUpdate update) {
  if (facts().FindUpdate(update.uuid()) != nullptr) return absl::OkStatus();
  const TaskFacts* task = facts().FindTask(update.status().task_id());
  if (task == nullptr) {
    return absl::NotFoundError(absl::StrCat(
        "update ", update.uuid(), ": no task ", update.status().task_id()));
  }
  if (task->IsTerminal()) {
    return absl::FailedPreconditionError(
        absl::StrCat("update ", update.uuid(), ": task ",
                     update.status().task_id(), " has ended"));
  }
  if (const auto& kill = task->kill ? task->kill : facts().kill) {
    AttributeToKill(*kill, *update.mutable_status());
  }
  std::vector<v1::JournalRecord> records(1);
  *records[0].mutable_update() = journal_.Complete(std::move(update));
  return Record(std::move(records));
}

}  // namespace holdfast::shim
