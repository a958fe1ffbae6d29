#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "api/orchestrator.pb.h"
#include "cgroups/cgroups.h"
#include "plugin/checkpoint/agent_store.h"
#include "plugin/checkpoint/own_record.h"
#include "plugin/checkpoint/record_writer.h"
#include "plugin/gc/garbage_collector.h"
#include "plugin/launch/container_launcher.h"
#include "plugin/metrics/measure.h"
#include "plugin/modes.h"
#include "plugin/recovery/checkpoint_scan.h"
#include "plugin/recovery/recovery_report.h"
#include "plugin/service/executor.h"
#include "plugin/service/failover_clock.h"
#include "plugin/service/framework_table.h"
#include "plugin/service/ping_answer.h"
#include "plugin/updates/update_hub.h"

namespace holdfast {

struct AgentOptions {
  v1::AgentRecord record;  // its own, as it is on disk once `accepted` returns
  // What the host has and nobody configured: told with the info.
  v1::AgentInfo host_resources;
  std::string incarnation;
  std::string boot_id;
  std::string version;
  // As the flags of these names say (plugin/flags/definitions.cc).
  RecoverMode recover = RecoverMode::kReconnect;
  bool strict = true;
  OrphanPolicy orphans = OrphanPolicy::kLeave;
  absl::Duration recovery_timeout;
  absl::Duration executor_reregistration_timeout;  // zero: never
  absl::Duration executor_shutdown_grace_period;
  absl::Duration gc_delay;
  double gc_disk_headroom = 0;  // of the disk, 0 to 1
  absl::Duration disk_watch_interval;
  std::string cgroups_root;
  std::string shim_path;
  std::vector<v1::Flag> flags;
};

// The agent: its frameworks, executors and tasks, and what an orchestrator may
// ask of them (api/orchestrator.proto has each call's contract). Lives on one
// loop; every answer comes through `reply`, at once or later, on the loop.
class Agent {
 public:
  template <typename Response>
  using Reply = std::function<void(absl::StatusOr<Response>)>;

  // All of these outlive the agent.
  Agent(EventLoop& loop, WorkerPool& workers, Files& files, AgentStore& store,
        Cgroups& cgroups, AgentOptions options);
  ~Agent();

  struct RecoveryEvents {
    // Strict, and something is damaged: nothing was touched; all of it.
    std::function<void(std::vector<Damage>)> refused;
    // Not so: from here on the disk is changed, and executors are looked for.
    // When it returns the agent's record is on disk as the options have it.
    std::function<void()> accepted;
    std::function<void()> complete;
  };
  // Reads the checkpoint and finds every executor again. `agent`: what loading
  // the agent's own record said.
  void Recover(AgentStore::Frameworks frameworks,
               absl::StatusOr<v1::AgentRecord> agent, RecoveryEvents events);

  // RecoverMode::kCleanup: every executor that is found is ended, and launches
  // are refused. `done` when nothing lives.
  void WhenCleanedUp(std::function<void()> done) {
    cleaned_up_ = std::move(done);
  }

  // Before the plugin stops: ends the executors that would end with it anyhow
  // (checkpoint=false) and removes what they had, so that nothing is left for
  // the next start; launches are refused from now on. `done` in any case, a
  // little after the grace period at the latest.
  void Stop(std::function<void()> done);

  void RegisterFramework(const v1::RegisterFrameworkRequest& request,
                         Reply<v1::RegisterFrameworkResponse> reply);
  void TeardownFramework(const v1::TeardownFrameworkRequest& request,
                         Reply<v1::TeardownFrameworkResponse> reply);
  void LaunchTask(const v1::LaunchTaskRequest& request,
                  Reply<v1::LaunchTaskResponse> reply);
  // The same of a valid task for a framework that is known. `checkpoint` may be
  // false where the framework's is true: this executor ends with the plugin.
  void Launch(const v1::FrameworkInfo& framework, const v1::TaskInfo& task,
              Reply<v1::LaunchTaskResponse> reply);
  void KillTask(const v1::KillTaskRequest& request,
                Reply<v1::KillTaskResponse> reply);
  void AcknowledgeUpdate(const v1::AcknowledgeUpdateRequest& request,
                         Reply<v1::AcknowledgeUpdateResponse> reply);
  void Reconcile(const v1::ReconcileRequest& request,
                 Reply<v1::ReconcileResponse> reply);
  void GetTasks(const v1::GetTasksRequest& request,
                Reply<v1::GetTasksResponse> reply);
  void GetTask(const v1::GetTaskRequest& request,
               Reply<v1::GetTaskResponse> reply);
  void RemoveTask(const v1::RemoveTaskRequest& request,
                  Reply<v1::RemoveTaskResponse> reply);
  void GetAgent(const v1::GetAgentRequest& request,
                Reply<v1::GetAgentResponse> reply);
  void GetTimeline(const v1::GetTimelineRequest& request,
                   Reply<v1::GetTimelineResponse> reply);
  void ListLeases(const v1::ListLeasesRequest& request,
                  Reply<v1::ListLeasesResponse> reply);
  void ChangeLeases(const v1::ChangeLeasesRequest& request,
                    Reply<v1::ChangeLeasesResponse> reply);
  void GetRecovery(const v1::GetRecoveryRequest& request,
                   Reply<v1::GetRecoveryResponse> reply);
  void Shutdown(const v1::ShutdownRequest& request,
                Reply<v1::ShutdownResponse> reply);
  void Drain(const v1::DrainRequest& request, Reply<v1::DrainResponse> reply);
  void Undrain(const v1::UndrainRequest& request,
               Reply<v1::UndrainResponse> reply);

  // NotFound FRAMEWORK_UNKNOWN; else UpdateHub::Watch.
  absl::StatusOr<uint64_t> Watch(const v1::WatchUpdatesRequest& request,
                                 std::shared_ptr<UpdateSink> sink);
  void ContinueWatch(uint64_t watch);
  void Unwatch(uint64_t watch);

  // Where the output of a task is.
  struct LogSource {
    std::string directory;
    bool ended = false;  // nothing will be added
  };
  absl::StatusOr<LogSource> FindLogs(const std::string& framework_id,
                                     const std::string& task_id) const;

  // For the other face of the agent (plugin/containerizer/). Null: unknown.
  const v1::FrameworkInfo* FindFramework(const std::string& id) const {
    return frameworks_.Find(id);
  }
  // NotFound TASK_UNKNOWN, Unavailable RECOVERING.
  absl::StatusOr<std::shared_ptr<Executor>> FindExecutor(
      const std::string& framework_id, const std::string& task_id) const;
  // Called on the loop when anything that is known of an executor has changed,
  // and when it has just been forgotten. One observer.
  using Observer = std::function<void(const Executor&)>;
  void Observe(Observer observer) { observer_ = std::move(observer); }

  // What /metrics tells.
  Measure TakeMeasure();

  // For any thread; see ping_answer.h.
  const PingAnswer& ping_answer() const { return ping_answer_; }

  bool recovering() const { return !report_.complete(); }
  // Counts for whoever shows progress: settled, of all.
  std::pair<uint32_t, uint32_t> recovery_progress() const {
    return report_.progress();
  }

 private:
  using TaskKey = std::pair<std::string, std::string>;  // framework, task
  struct Found {
    Executor* executor;
    const TaskFacts* task;
  };

  Executor::Environment MakeEnvironment();
  v1::WatchUpdatesResponse::Header MakeHeader() const;

  void OnRecord(Executor& executor, const v1::JournalRecord& record);
  void OnFacts(Executor& executor);
  void OnState(Executor& executor);
  bool OnDamage(Executor& executor);
  void OnQuarantined(const std::string& container_id,
                     const absl::StatusOr<std::string>& moved,
                     const std::vector<RecoveryReport::Orphan>& orphans);
  void OnUpdate(Executor& executor, const v1::StatusUpdate& update);
  void Index(Executor& executor, const std::string& task_id);
  void Unindex(const Executor& executor);
  void Forget(Executor& executor);

  // Runs `change`, which writes to the checkpoint, when that is accepted:
  // strict may yet refuse it, and then nothing of it is touched.
  void OnceAccepted(std::function<void()> change);
  void SetAside(const AgentStore::DamagedFile& damaged);
  void RebuildFramework(const v1::Intent& intent);
  void OnScanned();
  void RecoverContainer(ScannedContainer& container);
  void RemoveLeftovers();
  void SweepContainer(const std::string& container_id,
                      const Evidence& evidence);
  void LookForOrphans(std::vector<std::string> groups);
  void TreatOrphans(std::vector<RecoveryReport::Orphan> orphans,
                    std::vector<std::string> empty);
  void CountQuarantine();
  void ConsiderCollecting(Executor& executor);
  void CollectGarbage(const std::string& container_id);
  Evidence EvidenceOf(const Executor& executor) const;
  void DecideRecovery(Executor& executor);
  void DecideUnattached();
  void TellProgress();
  void CheckRecovered();

  v1::GetAgentResponse::DrainState drain_state() const;
  bool shut_down() const { return own_record_.get().retired(); }
  void TellPing();

  // Who has to end, and why: agent_ending.cc.
  std::optional<v1::ShimKillRequest> DueKillOf(const Executor& executor) const;
  void EndIfDue(Executor& executor);
  void EndAllDue();
  absl::Status CheckLaunchable(const std::string& framework_id) const;
  void WatchUnanswering();
  void EndUnanswering();
  void TimeOut(const Executor& executor);
  void CheckCleanedUp();
  void FinishStop(absl::Duration give_up_at, std::function<void()> done);

  void ContinueTeardowns();
  void ContinueTeardown(const std::string& framework_id);
  void RemoveTornDown(const std::shared_ptr<Executor>& executor);
  void StartFailoverClock(const v1::FrameworkInfo& framework);
  void OnFailoverTimeout(const std::string& framework_id);

  bool cleaning_up() const { return options_.recover == RecoverMode::kCleanup; }
  const v1::AgentInfo& info() const { return own_record_.get().agent(); }
  absl::StatusOr<Found> FindTask(const std::string& framework_id,
                                 const std::string& task_id) const;
  bool KnowsAllTasks() const;
  std::shared_ptr<Executor> FindLivingExecutor(
      const std::string& framework_id, const std::string& executor_id) const;
  absl::StatusOr<std::vector<std::shared_ptr<Executor>>> FindLeases(
      const v1::ChangeLeasesRequest& request) const;
  void StartExecutor(const v1::FrameworkInfo& framework,
                     const v1::TaskInfo& task);
  void AnswerLaunch(const TaskKey& key, const absl::Status& status);
  absl::StatusOr<v1::LaunchTaskResponse> LaunchAnswer(const TaskKey& key) const;
  void AcknowledgeAll(Executor& executor, std::function<void()> then);
  void ShutDownIdle(Executor& executor, std::function<void()> then,
                    Executor::Done fail);
  void WaitForExit(const std::shared_ptr<Executor>& executor,
                   absl::Duration give_up_at, std::function<void()> then,
                   Executor::Done fail);

  EventLoop& loop_;
  WorkerPool& workers_;
  Files& files_;
  AgentStore& store_;
  Cgroups& cgroups_;
  const AgentOptions options_;
  const absl::Time start_time_;
  RecordWriter record_writer_;
  OwnRecord own_record_;
  FrameworkTable frameworks_;
  FailoverClock failover_clock_;
  ContainerLauncher launcher_;
  Executor::Environment environment_;
  UpdateHub hub_;
  RecoveryReport report_;
  GarbageCollector garbage_;
  PingAnswer ping_answer_;
  bool containers_known_ = false;  // which executors there are
  // Something could not be read and was moved aside, or cannot be renamed: a
  // task that is not found may be in it.
  bool anything_quarantined_ = false;
  size_t quarantined_ = 0;  // frameworks' and the agent's records, too
  bool stopping_ = false;
  Tally tally_;
  Observer observer_ = [](const Executor&) {};
  std::function<void()> cleaned_up_;
  // Containers that missed --executor_reregistration_timeout.
  absl::flat_hash_set<std::string> timed_out_;
  // What recovery begins with; each comes when it was looked at.
  absl::StatusOr<v1::AgentRecord> agent_record_ = absl::UnknownError("");
  std::optional<std::vector<ScannedContainer>> scanned_;
  std::optional<std::vector<std::string>> groups_;  // that there are
  RecoveryEvents events_;
  std::vector<std::function<void()>> once_accepted_;
  absl::flat_hash_map<std::string, std::shared_ptr<Executor>> executors_;
  absl::flat_hash_map<TaskKey, Executor*> tasks_;
  // Launches that are not answered yet, and who waits for them.
  absl::flat_hash_map<TaskKey, std::vector<Reply<v1::LaunchTaskResponse>>>
      launching_;
};

}  // namespace holdfast
