#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "api/containerd/events.pb.h"
#include "base/event_loop.h"
#include "shim/containerd/annotations.h"
#include "shim/containerd/answer.h"
#include "shim/containerd/children.h"
#include "shim/containerd/container_cgroups.h"
#include "shim/containerd/event_queue.h"
#include "shim/containerd/metrics.h"
#include "shim/containerd/oci_runtime.h"
#include "shim/containerd/oom_watch.h"
#include "shim/containerd/places.h"
#include "shim/containerd/process.h"
#include "shim/containerd/spec.h"
#include "shim/containerd/task_journal.h"
#include "shim/containerd/task_options.h"
#include "shim/containerd/work_queue.h"
#include "shim/service/fence.h"

namespace holdfast::containerd {

// What the containers of one shim share; outlives them.
struct Surroundings {
  EventLoop& loop;
  Children& children;
  EventQueue& events;
  Places places;
  std::string name_space;
  std::string address;  // containerd's
  std::string group;    // of the containers of this shim; empty: one alone
};

// One container of containerd's, from Create to Delete: its init and its execs,
// run by the OCI runtime. What the runtime does for it is done in the order in
// which it was asked for; what is known is answered at once. States and what
// each takes: task_state.h. The end is in the journal before anyone hears of
// it.
class Container {
 public:
  // Makes it: journal, root file system, stdio, and the runtime's `create` (or
  // `restore`). `made` is called with the container, or with why there is none:
  // nothing is left then.
  // `on_end`: its init has ended, and that was told.
  using Made = std::function<void(absl::StatusOr<std::shared_ptr<Container>>)>;
  static void Create(const Surroundings& surroundings,
                     const task::CreateTaskRequest& request,
                     std::function<void()> on_end, Made made);
  ~Container();

  const std::string& id() const { return init_.id(); }
  // The init where `exec_id` is empty. NotFound.
  absl::StatusOr<Process*> Find(const std::string& exec_id);

  void Start(const std::string& exec_id, Answer<task::StartResponse> answer);
  // Answered when it is gone; of the init: then nothing is left of it all, and
  // the caller destroys this.
  void Delete(const std::string& exec_id, Answer<task::DeleteResponse> answer);
  void Kill(const task::KillRequest& request, Answer<Empty> answer);
  void Exec(const task::ExecProcessRequest& request, Answer<Empty> answer);
  void Pause(Answer<Empty> answer);
  void Resume(Answer<Empty> answer);
  void Update(const task::UpdateTaskRequest& request, Answer<Empty> answer);
  void Checkpoint(const task::CheckpointTaskRequest& request,
                  Answer<Empty> answer);
  absl::StatusOr<task::PidsResponse> Pids() const;
  absl::StatusOr<task::StatsResponse> Stats() const;

  // It has ended, and `delete` has removed what there was of it: nobody will
  // ask for it any more.
  bool IsAbandoned() const;

  // A reader of its output may be back.
  void LookForReaders();
  // Whoever asks for it is a daemon that is there.
  void DaemonAttached();
  void DaemonLost();

 private:
  struct Setup;
  using Started = std::function<void(absl::Status, pid_t)>;
  using Work = std::function<void(const OciRuntime::Done&)>;

  static absl::StatusOr<Setup> Prepare(const Surroundings& surroundings,
                                       const task::CreateTaskRequest& request);
  Container(const Surroundings& surroundings, Setup setup);

  std::string TaskDirectory() const;
  std::string RootfsDirectory() const;
  std::string CriuWorkDirectory() const;
  std::string ExecSpecFile(absl::string_view exec_id) const;
  ProcessIoRequest IoRequest(const Process& process) const;
  OciRuntime::Create RuntimeCreate() const;
  OciRuntime::Restore RuntimeRestore() const;

  void Make(std::function<void(absl::Status)> done);
  absl::Status OnMade(pid_t pid);
  void Unmake(std::function<void()> done);
  void RemoveTaskDirectory();
  void Forget(const Process& process);
  void ForgetExecs();

  WorkQueue& QueueOf(const std::string& exec_id);
  void StartInit(Started started);
  void OnInitStarted();
  absl::Status WriteExecSpec(const task::ExecProcessRequest& request);
  void StartExec(Process& process, Started started);
  void OnExecStarted(Process& process, pid_t pid);
  void DeleteExec(const std::string& exec_id,
                  const Answer<task::DeleteResponse>& answer);
  void DeleteInit(WorkQueue::Done done, Answer<task::DeleteResponse> answer);
  void Remove(const Answer<task::DeleteResponse>& answer);
  void Control(TaskCall call, Work work, Answer<Empty> answer);
  void SetPaused(bool paused);

  void OnInitEnded(const ChildExit& exit);
  void AfterEnd(std::function<void()> then);
  void EndOthers();
  void AwaitOthers();
  void OthersEnded();
  void CheckAllEnded();
  void FinishInit();
  void OnExecEnded(const std::string& exec_id, const ChildExit& exit);
  void OnOutOfMemory();
  void ResumeForTheEnd();
  void OnFenced();

  void PublishCreate();
  void PublishExit(const Process& process);
  // `kept_for`: kept until the process of that id is deleted; empty: not kept.
  void Publish(absl::string_view topic, absl::string_view type,
               std::string bytes, absl::string_view kept_for = "");

  const Surroundings& surroundings_;
  const TaskOptions options_;
  const Spec spec_;
  const Annotations annotations_;
  const task::CreateTaskRequest request_;
  const std::function<void()> on_end_;
  const std::unique_ptr<TaskJournal> journal_;
  OciRuntime runtime_;
  WorkQueue work_;
  Process init_;
  std::map<std::string, std::unique_ptr<Process>> execs_;
  // Each its own, so that none waits for another, nor the init's end for them.
  std::map<std::string, std::unique_ptr<WorkQueue>> exec_work_;
  std::set<std::string> starting_execs_;  // the runtime is at it
  std::optional<ChildExit> ending_;  // the init has, and it is not told yet
  bool others_ended_ = false;
  std::function<void()> after_end_;
  EventLoop::TimerId end_timer_ = 0;
  EventLoop::TimerId others_timer_ = 0;
  EventLoop::TimerId kill_timer_ = 0;
  bool out_of_memory_ = false;
  std::optional<ContainerCgroups> groups_;
  std::unique_ptr<OomWatch> oom_watch_;
  std::optional<shim::Fence> fence_;
};

}  // namespace holdfast::containerd
