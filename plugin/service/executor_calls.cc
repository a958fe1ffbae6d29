// Executor: what is asked of it: of its shim, or once it has ended of its
// journal; and how long a call waits until it is known which.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/reasons.h"
#include "api/time_convert.h"
#include "base/failpoint.h"
#include "plugin/service/executor.h"

namespace holdfast {
namespace {

// A call that comes while the shim is being found again waits so long.
constexpr absl::Duration kSettleTimeout = absl::Seconds(2);

}  // namespace

void Executor::LaunchTask(const v1::TaskInfo& task, Done done) {
  switch (state_) {
    case ExecutorState::kAttached:
      return link_->LaunchTask(
          task, [self = shared_from_this(), task,
                 done = std::move(done)](const absl::Status& status) {
            if (absl::IsUnavailable(status) &&
                self->state_ != ExecutorState::kAttached) {
              return self->WaitToSettle(
                  [self, task, done] { self->LaunchTask(task, done); }, done);
            }
            if (status.ok()) {  // its record may still be on the way
              v1::JournalRecord record;
              *record.mutable_task_intent()->mutable_task() = task;
              self->Apply(record);
            }
            done(status);
          });
    case ExecutorState::kLaunching:
    case ExecutorState::kUnattached:
      return WaitToSettle([this, task, done] { LaunchTask(task, done); }, done);
    case ExecutorState::kEnded:
    case ExecutorState::kGone:
      return done(absl::FailedPreconditionError(
          absl::StrCat("executor ", facts_.intent.executor_id(),
                       " has ended; launch its task again")));
  }
}

void Executor::Kill(const v1::ShimKillRequest& request, Done done) {
  switch (state_) {
    case ExecutorState::kAttached:
      return link_->Kill(
          request, [weak = weak_from_this(), request,
                    done = std::move(done)](const absl::Status& status) {
            const std::shared_ptr<Executor> self = weak.lock();
            if (!absl::IsUnavailable(status) || self == nullptr ||
                self->state_ == ExecutorState::kAttached) {
              return done(status);
            }
            // It may just have ended: then that is the answer.
            self->WaitToSettle(
                [self, request, done] { self->Kill(request, done); }, done);
          });
    case ExecutorState::kLaunching:
    case ExecutorState::kUnattached:
      return WaitToSettle([this, request, done] { Kill(request, done); }, done);
    case ExecutorState::kEnded:
      return done(absl::OkStatus());
    case ExecutorState::kGone:
      return done(WithReason(
          absl::NotFoundError(absl::StrCat("task ", request.task_id(),
                                           ": its launch was rolled back")),
          "TASK_UNKNOWN"));
  }
}

void Executor::Configure(
    const v1::ShimConfigureRequest& request,
    std::function<void(absl::StatusOr<v1::FenceStatus>)> done) {
  const auto wait = [this, request, done] {
    WaitToSettle([this, request, done] { Configure(request, done); },
                 [done](const absl::Status& status) { done(status); });
  };
  switch (state_) {
    case ExecutorState::kAttached:
      return link_->Configure(
          request, [weak = weak_from_this(), wait,
                    done](const absl::StatusOr<v1::FenceStatus>& fence) {
            const std::shared_ptr<Executor> self = weak.lock();
            if (absl::IsUnavailable(fence.status()) && self != nullptr &&
                self->state_ != ExecutorState::kAttached) {
              return wait();
            }
            done(fence);
          });
    case ExecutorState::kLaunching:
    case ExecutorState::kUnattached:
      return wait();
    case ExecutorState::kEnded:
    case ExecutorState::kGone:
      return done(absl::FailedPreconditionError(absl::StrCat(
          "executor ", facts_.intent.executor_id(), " has ended")));
  }
}

void Executor::Signal(int signal, Done done) {
  switch (state_) {
    case ExecutorState::kAttached:
      return link_->Signal(signal, std::move(done));
    case ExecutorState::kLaunching:
    case ExecutorState::kUnattached:
      return WaitToSettle([this, signal, done] { Signal(signal, done); }, done);
    case ExecutorState::kEnded:
    case ExecutorState::kGone:
      return done(absl::FailedPreconditionError(absl::StrCat(
          "executor ", facts_.intent.executor_id(), " has ended")));
  }
}

// Unless its shim has told of it already.
void Executor::NoteAcknowledged(const std::string& uuid) {
  v1::JournalRecord record;
  record.mutable_acknowledged()->set_uuid(uuid);
  *record.mutable_acknowledged()->mutable_time() =
      ToProto(environment_.loop.clock().Now());
  if (facts_.Check(record).ok()) Apply(record);
}

void Executor::Acknowledge(const std::string& uuid, Done done) {
  if (facts_.IsAcknowledged(uuid)) return done(absl::OkStatus());
  Done told = [weak = weak_from_this(), uuid,
               done](const absl::Status& status) {
    const std::shared_ptr<Executor> self = weak.lock();
    if (self == nullptr) return done(status);
    if (status.ok()) self->NoteAcknowledged(uuid);
    if (absl::IsUnavailable(status) &&
        self->state_ != ExecutorState::kAttached) {
      return self->WaitToSettle(
          [self, uuid, done] { self->Acknowledge(uuid, done); }, done);
    }
    done(status);
  };
  switch (state_) {
    case ExecutorState::kAttached:
      return link_->Acknowledge(uuid, std::move(told));
    case ExecutorState::kLaunching:
    case ExecutorState::kUnattached:
      return WaitToSettle([this, uuid, done] { Acknowledge(uuid, done); },
                          done);
    case ExecutorState::kEnded:
      return RunOnJournal(
          [uuid,
           now = environment_.loop.clock().Now()](ExecutorJournal& journal) {
            return journal.Acknowledge(uuid, now);
          },
          std::move(told));
    case ExecutorState::kGone:
      return done(absl::NotFoundError(
          absl::StrCat("update ", uuid, ": its task was removed")));
  }
}

void Executor::Remove(Done done) {
  if (state_ != ExecutorState::kEnded) {
    if (facts_.exited) {  // its shim is on its way out
      return WaitToSettle([this, done] { Remove(done); }, done);
    }
    return done(absl::FailedPreconditionError(
        absl::StrCat("container ", container_id_, " has not ended")));
  }
  journal_.reset();
  OnWorker(
      [&launcher = environment_.launcher, id = container_id_,
       checkpoint = checkpoint_] { return launcher.RemoveAll(id, checkpoint); },
      [done = std::move(done)](Executor& self, const absl::Status& removed) {
        if (removed.ok()) self.SetState(ExecutorState::kGone, "removed");
        done(removed);
      });
}

void Executor::WaitToSettle(std::function<void()> retry, Done fail) {
  const EventLoop::TimerId timer = environment_.loop.After(
      kSettleTimeout, [this, number = ++last_waiting_] { GiveUp(number); });
  waiting_.push_back({last_waiting_, std::move(retry), std::move(fail), timer});
}

void Executor::GiveUp(uint64_t number) {
  const auto found =
      std::find_if(waiting_.begin(), waiting_.end(),
                   [&](const Waiting& w) { return w.number == number; });
  if (found == waiting_.end()) return;
  const Done fail = std::move(found->fail);
  waiting_.erase(found);
  fail(
      WithReason(absl::UnavailableError(absl::StrCat(
                     "container ", container_id_, " is not attached: ",
                     condition_.empty() ? "it is being launched" : condition_)),
                 "RECOVERING"));
}

void Executor::Settle() {
  for (Waiting& waiting : std::exchange(waiting_, {})) {
    environment_.loop.Cancel(waiting.timer);
    waiting.retry();
  }
}

void Executor::RunOnJournal(JournalWork work, Done done) {
  journal_work_.emplace_back(std::move(work), std::move(done));
  NextOnJournal();
}

void Executor::NextOnJournal() {
  if (journal_busy_) return;  // whoever was told of the last has begun it
  if (journal_work_.empty()) {
    if (facts_.AllAcknowledged()) journal_.reset();
    return;
  }
  auto [work, done] = std::move(journal_work_.front());
  journal_work_.pop_front();
  if (journal_ == nullptr) {
    done(absl::NotFoundError(absl::StrCat("container ", container_id_,
                                          ": nothing is unacknowledged")));
    return NextOnJournal();
  }
  journal_busy_ = true;
  OnWorker(
      [journal = std::shared_ptr<ExecutorJournal>(std::move(journal_)),
       work = std::move(work)] {
        // A write that failed is an error of its own call alone.
        absl::Status status = journal->ReopenIfFailed();
        if (status.ok()) status = work(*journal);
        HOLDFAST_FAILPOINT(AcknowledgementWritten);
        return std::make_pair(journal, status);
      },
      [done = std::move(done)](
          Executor& self,
          std::pair<std::shared_ptr<ExecutorJournal>, absl::Status> result) {
        self.journal_ =
            std::make_unique<ExecutorJournal>(std::move(*result.first));
        self.journal_busy_ = false;
        done(result.second);
        self.NextOnJournal();
      });
}

}  // namespace holdfast
