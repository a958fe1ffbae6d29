#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "api/records.pb.h"
#include "api/shim.pb.h"
#include "api/types.pb.h"
#include "base/event_loop.h"
#include "base/pidfd.h"
#include "shim/bundle/executor_journal.h"
#include "shim/executor/process_group.h"
#include "shim/output/output_log.h"
#include "shim/service/executor_end.h"
#include "shim/service/fence.h"

namespace holdfast::shim {

//             Kill, Fence           process ended         group empty
//  kRunning ─────────────▶ kKilling ─────────────▶ kReaping ────────▶ kOver
//      └──────────────────────────────────────────────▲
//
// kKilling: SIGTERM was sent, the grace period runs. kReaping: its exit status
// is known, what it left behind is being killed. kOver: all is in the journal.
enum class Phase { kStarting, kRunning, kKilling, kReaping, kOver };

// One executor, from the intent in its journal to the terminal updates of its
// tasks. Whatever happens is in the journal before anyone hears of it.
class Supervisor {
 public:
  // Who wants to hear; each is called on the loop, after the fact is durable.
  struct Listeners {
    std::function<void(const v1::JournalRecord&)> on_record;
    std::function<void()> on_over;
    // For the custom executor's stream.
    std::function<void()> on_task;
    std::function<void(const v1::KillRequested&)> on_kill;
  };

  // `runtime_directory` holds the pipes of the executor's output.
  Supervisor(EventLoop& loop, ExecutorJournal journal,
             std::string runtime_directory);
  ~Supervisor();

  void Listen(Listeners listeners) { listeners_ = std::move(listeners); }

  // Launches what the intent says, or takes over the executor that a former
  // shim started. `obstacle`: not OK, the launch fails with it. OK also when
  // the launch failed: the journal says so. An error: the journal cannot be
  // written, nothing runs.
  absl::Status Start(absl::Status obstacle);

  // A further task of a custom executor. OK: durable, or known already.
  // FailedPrecondition: the executor is ending, or runs a command.
  absl::Status LaunchTask(const v1::TaskInfo& task);

  // OK: durable and under way, or there is nothing left to kill. NotFound: no
  // such task. The grace period is the request's, or else the longest of the
  // tasks that are meant, but at most `max_grace`.
  absl::Status Kill(v1::KillRequested request,
                    absl::Duration max_grace = absl::InfiniteDuration());

  // ExecutorJournal::Acknowledge.
  absl::Status Acknowledge(const std::string& uuid);

  // An update that a custom executor sent; OK too when its uuid is known.
  absl::Status AddUpdate(v1::StatusUpdate update);

  // What is set of it replaces what held before, durably; how the fence
  // stands now. Errors: see api/shim.proto.
  absl::StatusOr<v1::FenceStatus> Configure(
      const v1::ShimConfigureRequest& request);
  // FailedPrecondition: the executor's first process has ended.
  absl::Status Signal(int signal);
  absl::StatusOr<ExecutorJournal::Repaired> RepairJournal() {
    return journal_.Repair();
  }
  v1::FenceStatus DescribeFence() const { return fence_.Describe(); }
  void AgentAttached(const std::string& incarnation);
  // Its connection is gone, whether it had attached or not.
  void AgentLost();

  const ExecutorFacts& facts() const { return journal_.facts(); }
  Phase phase() const { return phase_; }
  pid_t pid() const { return process_.pid(); }  // -1: not started
  absl::Time Now() const { return loop_.clock().Now(); }

 private:
  absl::Status Launch();
  absl::Status Adopt();
  void GoOnKilling();
  absl::Status OpenOutputs(UniqueFd& stdout_end, UniqueFd& stderr_end);
  absl::Status OpenOutput(const char* name, std::unique_ptr<OutputLog>& log,
                          UniqueFd& executor_end);
  absl::Status RecordLaunchFailure(const absl::Status& failure);
  absl::Status RecordStarted();
  void TellAdopted();
  absl::Status WatchProcess();
  absl::Status Record(std::vector<v1::JournalRecord> records);
  absl::Duration GraceOf(const v1::TaskInfo& task) const;
  absl::Duration GraceOf(const v1::KillRequested& request) const;
  void TellKilling(const TaskFacts* task,
                   std::vector<v1::JournalRecord>& records) const;
  void Terminate(absl::Duration grace);
  void TellTimeline(std::vector<v1::JournalRecord> records);
  void OnFenced();
  void OnProcessEnded();
  void BeginReaping(v1::Exited exited);

  EventLoop& loop_;
  ExecutorJournal journal_;
  const std::string runtime_directory_;
  Listeners listeners_;
  Phase phase_ = Phase::kStarting;
  Fence fence_;
  Pidfd process_;
  std::optional<ProcessGroup> group_;
  std::unique_ptr<OutputLog> stdout_;
  std::unique_ptr<OutputLog> stderr_;
  std::unique_ptr<ExecutorEnd> end_;
  std::optional<v1::JournalRecord> unrecorded_fence_;  // the disk refused it
  bool told_detached_;  // the journal's last word on the link
  // Goes to the journal with whatever is recorded next.
  std::optional<v1::JournalRecord> untold_attachment_;
  uint64_t oom_kills_before_ = 0;
  absl::Duration kill_at_ = absl::InfiniteDuration();  // since boot
  EventLoop::TimerId kill_timer_ = 0;
  EventLoop::TimerId touch_timer_ = 0;
  EventLoop::TimerId timeline_timer_ = 0;
};

}  // namespace holdfast::shim
