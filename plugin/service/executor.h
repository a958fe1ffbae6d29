#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/event_loop.h"
#include "base/worker_pool.h"
#include "plugin/launch/container_launcher.h"
#include "plugin/recovery/decision.h"
#include "shim/bundle/executor_facts.h"
#include "shim/bundle/executor_journal.h"
#include "shim/client/shim_link.h"

namespace holdfast {

//            attach exchange done        connection lost
//  kLaunching ─────────────▶ kAttached ─────────────▶ kUnattached
//      │                         ▲                        │    │
//      │                         └──── its shim lives ────┘    │ its journal
//      │  it could not be made                                 │ can be taken
//      └────────▶ kGone ◀──── removed ──── kEnded ◀────────────┘
//
// kUnattached is also where an executor from the checkpoint begins.
enum class ExecutorState {
  kLaunching,
  kUnattached,
  kAttached,
  kEnded,
  kGone,
};

// The agent's end of one executor: what its journal says (told by its shim,
// or read by us once the shim is gone), and the way to its shim. Lives on the
// agent's loop; waits for disks on the worker pool.
class Executor : public std::enable_shared_from_this<Executor> {
 public:
  // What all executors of an agent share; outlives them.
  struct Environment {
    EventLoop& loop;
    WorkerPool& workers;
    Files& files;
    const Layout& layout;
    ContainerLauncher& launcher;
    std::string agent_id;
    std::string agent_incarnation;
    std::string boot_id;
    // Called for each record when it is a fact here.
    std::function<void(Executor&, const v1::JournalRecord&)> on_record;
    // The facts were replaced whole: by a shim's snapshot, or a journal's.
    std::function<void(Executor&)> on_facts;
    // Facts that no one asks for any more were dropped, tasks among them.
    std::function<void(Executor&)> on_condensed;
    std::function<void(Executor&)> on_state;
    // Its journal cannot be read, and its shim is gone. True: it was taken
    // care of; false: look again later.
    std::function<bool(Executor&)> on_damage;
  };
  using Done = std::function<void(absl::Status)>;

  Executor(const Environment& environment, std::string container_id,
           bool checkpoint);
  ~Executor();

  // Starts its shim; `done` when the executor runs or could not be started
  // (the facts then tell why), or with an error: nothing was made (kGone).
  void Launch(LaunchRequest request, Done done);

  // Finds its shim or takes over its journal, again and again with growing
  // pauses until one of both holds or the journal turns out to be damaged.
  // `facts`: what a look at the journal said; where it could not be read its
  // shim may still tell what is true, and is asked to write it anew.
  void Recover(absl::StatusOr<ExecutorFacts> facts);

  // Of one whose journal was read: kills its shim, which does not answer, so
  // that the journal can be taken over and a new shim adopts the executor.
  void ReplaceShim();
  // Of one that is kAttached, where that is so of its shim.
  void ReplaceShimIfItHangs();
  // After on_damage had taken it, and could not: as if it had not.
  void LookAgain();

  // Each of these while kAttached goes to the shim; while kLaunching it waits
  // for that; once kEnded it is answered from the journal. Unavailable:
  // kUnattached, or the shim was lost meanwhile and is not back in a moment.
  void LaunchTask(const v1::TaskInfo& task, Done done);
  void Kill(const v1::ShimKillRequest& request, Done done);
  // How the fence stands then.
  void Configure(const v1::ShimConfigureRequest& request,
                 std::function<void(absl::StatusOr<v1::FenceStatus>)> done);
  // To its first process. FailedPrecondition: that has ended. Unavailable may
  // mean that it was sent: it is not sent twice.
  void Signal(int signal, Done done);
  // OK also when it was acknowledged before.
  void Acknowledge(const std::string& uuid, Done done);
  // Ended and acknowledged, its files are removed: kGone.
  void Remove(Done done);

  ExecutorState state() const { return state_; }
  const ExecutorFacts& facts() const { return facts_; }
  const std::string& container_id() const { return container_id_; }
  bool checkpoint() const { return checkpoint_; }
  int shim_pid() const { return shim_pid_; }  // 0: none known
  // Ended, and nothing of it is left outside its directory.
  bool runtime_removed() const { return runtime_removed_; }
  // For an executor that is not attached: why. Empty otherwise.
  const std::string& condition() const { return condition_; }
  // Its shim was started again by this life of the agent.
  bool adopted() const { return adopted_; }
  bool rolled_back() const { return rolled_back_; }
  // What its recovery rests on, so far.
  const Evidence& evidence() const { return evidence_; }
  bool launch_pending() const { return launched_ != nullptr; }
  // Whether its journal is known to hold a start or an end: what holds neither
  // may yet be rolled back.
  bool is_certain() const {
    return facts_.started.has_value() || facts_.exited.has_value();
  }
  // Nothing is known of it: its journal could not be read.
  bool is_unknown() const { return facts_.intent.container_id().empty(); }

 private:
  using JournalWork = std::function<absl::Status(ExecutorJournal&)>;

  // A call that waits until it is known where the shim is.
  struct Waiting {
    uint64_t number;
    std::function<void()> retry;
    Done fail;
    EventLoop::TimerId timer;
  };

  template <typename Work, typename Then>
  void OnWorker(Work work, Then then);

  void SetState(ExecutorState state, std::string condition);
  void Apply(const v1::JournalRecord& record);
  void AdoptFacts(ExecutorFacts facts);
  void CondenseIfWorthIt();
  void NoteAcknowledged(const std::string& uuid);

  void Attach(ContainerLauncher::Shim shim);
  void AttachTo(UniqueFd connection);
  void OnSnapshot(const v1::AttachResponse::Snapshot& snapshot);
  void OnAttached();
  void RepairJournal();
  void OnLinkLost(const absl::Status& why);

  void Resolve();
  void OnNoJournal(const absl::Status& status);
  void OnNothingFound(const absl::Status& status);
  void OnJournalTaken(std::unique_ptr<ExecutorJournal> journal);
  void OnEnded(std::unique_ptr<ExecutorJournal> journal);
  void RecordReboot(std::unique_ptr<ExecutorJournal> journal);
  void RollBack(std::unique_ptr<ExecutorJournal> journal);
  void RestartShim(std::unique_ptr<ExecutorJournal> journal);
  void CleanUpRuntime(absl::Duration retry_delay);

  void WaitToSettle(std::function<void()> retry, Done fail);
  void GiveUp(uint64_t number);
  void Settle();

  void RunOnJournal(JournalWork work, Done done);
  void NextOnJournal();

  static constexpr size_t kWorthCondensing = 512;
  static constexpr absl::Duration kFirstRetry = absl::Milliseconds(1);

  const Environment& environment_;
  const std::string container_id_;
  const bool checkpoint_;
  ExecutorState state_ = ExecutorState::kUnattached;
  std::string condition_;
  ExecutorFacts facts_;
  size_t records_ = 0;  // that came since the facts were last condensed
  size_t condense_at_ = kWorthCondensing;
  int shim_pid_ = 0;
  bool adopted_ = false;
  bool rolled_back_ = false;
  bool runtime_removed_ = false;
  Evidence evidence_;
  bool cut_short_ = false;  // the journal said less than the shim
  int restarts_ = 0;        // of its shim, by us
  Done launched_;           // as long as the launch is unanswered
  std::unique_ptr<ShimLink> link_;
  absl::Duration retry_delay_;
  EventLoop::TimerId retry_timer_ = 0;
  uint64_t last_waiting_ = 0;
  std::vector<Waiting> waiting_;
  // Of an ended executor with something unacknowledged; away while a worker
  // writes.
  std::unique_ptr<ExecutorJournal> journal_;
  std::deque<std::pair<JournalWork, Done>> journal_work_;
  bool journal_busy_ = false;
};

// Runs `work` on a worker and hands its result to `then` on the loop; this
// executor lives as long, so that nobody who waits is forgotten.
template <typename Work, typename Then>
void Executor::OnWorker(Work work, Then then) {
  environment_.workers.Run([&loop = environment_.loop,
                            self = shared_from_this(), work = std::move(work),
                            then = std::move(then)]() mutable {
    // Copied into a std::function, so what moves only is shared.
    auto result = std::make_shared<decltype(work())>(work());
    // The worker keeps no hold: it must not be the one that destroys us.
    loop.Post(
        [self = std::move(self), result, then = std::move(then)]() mutable {
          then(*self, std::move(*result));
        });
  });
}

}  // namespace holdfast
