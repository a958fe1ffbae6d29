#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "api/orchestrator.pb.h"
#include "hack/local_agent/local_agent.h"
#include "hack/local_agent/processes.h"
#include "hack/local_agent/update_ledger.h"

namespace holdfast {

// An orchestrator that remembers what it was told of each task, and what it
// asked for. From that follows what agent and kernel may say later, whoever
// died in between:
//   a launch that was answered    is known, and its process the same
//   one that was not              is known and runs, or was never started and
//                                 nothing of it runs
//   nobody asked for its end      it runs
//   its end was answered, or      it ends, once, and as asked
//   is its own
//   its end was not answered      it runs, or it has ended as asked
//   its removal was answered      nothing is left of it
//   an update                     has one uuid and the next sequence, and comes
//                                 no more once its acknowledgement is answered
// What does not fit fails the test.
class Witness {
 public:
  // `ledger`: where the updates of the agent's streams are noted.
  Witness(hack::LocalAgent& agent, hack::UpdateLedger& ledger)
      : agent_(agent), ledger_(ledger) {}

  // Forgets the tasks there were.
  void Begin() { told_.clear(); }

  // Each of these notes what it asks for, and then the answer.
  absl::Status Launch(const v1::TaskInfo& task,
                      const std::string& framework_id);
  absl::Status Kill(const std::string& task_id);
  // Something that ends all tasks with `reason`: a drain, a teardown.
  absl::Status EndAll(v1::TaskStatusReason reason,
                      const std::function<absl::Status()>& ask);
  absl::Status Remove(const std::string& task_id);
  // All go with their framework.
  absl::Status TearDown(const std::string& framework_id);
  // It was told to leave with `code`.
  void NoteOwnEnd(const std::string& task_id, int code);
  // The acknowledgement of each update so far is asked for once more where no
  // answer came.
  void AcknowledgeAgain();

  // A shim that dies may take the exit status with it.
  void NoteShimDeath() { shim_died_ = true; }

  // The task's row; none: it was never started.
  std::optional<v1::Task> Find(const std::string& task_id);

  // Whether what the agent says now of all tasks is that they run and are
  // attached, that they are over. False too where it says nothing.
  bool AllRun();
  bool AllOver();

  // All of the above, once the agent has recovered.
  void Check();
  // Ends, acknowledges and removes what there is. All updates must come to
  // `ledger`. Nothing is left then.
  void Finish();

 private:
  struct Told {
    std::string framework_id;
    bool custom = false;    // its process is its executor's
    bool launched = false;  // that was answered
    // Empty: nobody asked for its end.
    std::optional<v1::TaskStatusReason> end;
    bool must_end = false;
    bool may_be_gone = false;
    bool must_be_gone = false;
    std::optional<int> exit_code;  // of an end of its own
    std::optional<hack::ProcessIdentity> process;
    std::string container_id;
  };

  // Of each task the row; empty: no answer.
  using Rows = std::vector<v1::ReconcileResponse::Row>;
  Rows Reconcile();
  static bool Runs(const v1::Task& task);
  bool IsSettled(const v1::ReconcileResponse::Row& row) const;
  void CheckTask(const v1::ReconcileResponse::Row& row, Told& told);
  void CheckEnd(const v1::Task& task, const Told& told);
  void CheckProcess(const v1::Task& task, Told& told);
  void CheckGroups();
  void CheckUpdates();
  void ExpectNothingOf(const std::string& container_id);
  v1::GetTaskResponse Get(const std::string& task_id);
  void KillNow(const std::string& task_id);
  bool AllAreStored();
  template <typename Request>
  Request Naming(const std::string& task_id) const {
    Request request;
    request.set_framework_id(told_.at(task_id).framework_id);
    request.set_task_id(task_id);
    return request;
  }

  hack::LocalAgent& agent_;
  hack::UpdateLedger& ledger_;
  std::map<std::string, Told> told_;
  bool shim_died_ = false;
};

}  // namespace holdfast
