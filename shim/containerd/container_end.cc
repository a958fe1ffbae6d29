// Containers: how they end, and the fence.

#include <signal.h>

#include <algorithm>
#include <utility>

#include "base/errors.h"
#include "base/log.h"
#include "shim/containerd/container.h"

namespace holdfast::containerd {
namespace {

// What SIGKILL does not end by then (uninterruptible sleep) does not keep the
// end of the init from being told.
constexpr absl::Duration kOthersTimeout = absl::Seconds(10);
constexpr absl::Duration kOthersPoll = absl::Milliseconds(5);
// Between SIGTERM and SIGKILL, of a container that is fenced.
constexpr absl::Duration kFenceGrace = absl::Seconds(5);

}  // namespace

// What is under way is told first: a start, a resume that let it go on; and
// the end of execs, before it is the init's turn.
void Container::OnInitEnded(const ChildExit& exit) {
  ending_ = exit;
  if (after_end_) return std::exchange(after_end_, nullptr)();
  surroundings_.loop.Cancel(kill_timer_);
  // A runtime that hangs does not keep it from being told, either.
  end_timer_ = surroundings_.loop.After(kOthersTimeout, [this] {
    end_timer_ = 0;
    FinishInit();
  });
  work_.Add([this](const WorkQueue::Done& done) {
    EndOthers();
    done();
  });
}

// Within the last work there is, whose end the init's would wait for.
void Container::AfterEnd(std::function<void()> then) {
  if (init_.pid() == 0) return then();
  const auto tell = [this, then = std::move(then)] {
    if (!init_.exit()) FinishInit();
    then();
  };
  if (ending_) return tell();
  after_end_ = tell;
}

// The init's end is the last of its container: the kernel sees to that where
// it has a pid namespace of its own, else we do.
void Container::EndOthers() {
  if (init_.exit()) return;
  if (spec_.has_own_pid_namespace) return OthersEnded();
  runtime_.Kill(id(), SIGKILL, /*all=*/true, [this](const absl::Status&) {
    AwaitOthers();  // there may have been none
  });
}

// Not all of them are children of ours.
void Container::AwaitOthers() {
  if (init_.exit()) return;
  if (!groups_ || PidsOf(*groups_).empty()) return OthersEnded();
  others_timer_ =
      surroundings_.loop.After(kOthersPoll, [this] { AwaitOthers(); });
}

void Container::OthersEnded() {
  others_ended_ = true;
  CheckAllEnded();
}

void Container::CheckAllEnded() {
  if (!ending_ || !others_ended_ || init_.exit()) return;
  const bool waits =
      !starting_execs_.empty() ||
      std::any_of(execs_.begin(), execs_.end(), [](const auto& exec) {
        return exec.second->state() == TaskState::kRunning;
      });
  if (!waits) FinishInit();
}

void Container::FinishInit() {
  surroundings_.loop.Cancel(end_timer_);
  end_timer_ = 0;
  if (fence_) fence_->Disarm();
  if (oom_watch_) oom_watch_->Check();
  // A disk that refuses it does not keep containerd from hearing of it.
  if (absl::Status recorded = journal_->Ended(*ending_, out_of_memory_);
      !recorded.ok()) {
    Log(Severity::kError, recorded.ToString(), {{"id", id()}});
  }
  oom_watch_.reset();
  init_.Ended(*ending_);
  PublishExit(init_);
  surroundings_.loop.Post(on_end_);
}

void Container::OnExecEnded(const std::string& exec_id, const ChildExit& exit) {
  const auto found = execs_.find(exec_id);
  if (found == execs_.end()) return;
  found->second->Ended(exit);
  PublishExit(*found->second);
  CheckAllEnded();
}

void Container::PublishExit(const Process& process) {
  const task::DeleteResponse end = process.DescribeEnd();
  ::containerd::events::TaskExit event;
  event.set_container_id(id());
  event.set_id(process.id());
  event.set_pid(end.pid());
  event.set_exit_status(end.exit_status());
  *event.mutable_exited_at() = end.exited_at();
  Publish("/tasks/exit", "TaskExit", event.SerializeAsString(), process.id());
}

void Container::OnOutOfMemory() {
  out_of_memory_ = true;
  ::containerd::events::TaskOOM event;
  event.set_container_id(id());
  Publish("/tasks/oom", "TaskOOM", event.SerializeAsString(), id());
}

void Container::DaemonAttached() {
  if (annotations_.recovery_timeout == absl::InfiniteDuration()) return;
  if (init_.exit()) return;
  if (!fence_) {
    Lease lease;
    lease.recovery_timeout = annotations_.recovery_timeout;
    fence_.emplace(surroundings_.loop, lease, [this] { OnFenced(); });
  }
  fence_->AgentBack();
}

void Container::DaemonLost() {
  if (fence_) fence_->AgentLost();
}

// A paused one takes no SIGTERM, nor SIGKILL where its freezer is v1's; nor
// does one that is being paused. One that runs is left as it is.
void Container::ResumeForTheEnd() {
  Resume([](const absl::StatusOr<Empty>&) {});
}

// The container ends; the shim stays, to tell of it.
void Container::OnFenced() {
  if (init_.exit() || ending_) return;
  Log(Severity::kWarning, "no containerd came back within recovery_timeout",
      {{"id", id()}});
  if (absl::Status recorded = journal_->Fenced(
          annotations_.recovery_timeout, surroundings_.loop.clock().Now());
      !recorded.ok()) {
    Log(Severity::kError, recorded.ToString(), {{"id", id()}});
  }
  (void)init_.Signal(SIGTERM);  // it may have ended by itself
  ResumeForTheEnd();
  kill_timer_ = surroundings_.loop.After(kFenceGrace, [this] {
    kill_timer_ = 0;
    (void)init_.Signal(SIGKILL);
    ResumeForTheEnd();
  });
}

}  // namespace holdfast::containerd
