#include "plugin/service/executor.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "api/reasons.h"
#include "base/errors.h"
#include "base/log.h"
#include "base/unix_socket.h"
#include "plugin/recovery/reboot.h"

namespace holdfast {
namespace {

// Between tries to find a shim that neither answers nor lets go of its
// journal: it may be ending right now, or be starved.
constexpr absl::Duration kFirstRetry = absl::Milliseconds(1);
constexpr absl::Duration kLongestRetry = absl::Seconds(1);

// A call that comes while the shim is being found again waits so long.
constexpr absl::Duration kSettleTimeout = absl::Seconds(2);

// Shims that die again and again are started more and more seldom.
absl::Duration RestartDelay(int restarts) {
  if (restarts == 0) return absl::ZeroDuration();
  return std::min(absl::Milliseconds(100) * (1 << std::min(restarts, 8)),
                  absl::Seconds(30));
}

}  // namespace

Executor::Executor(const Environment& environment, std::string container_id,
                   bool checkpoint)
    : environment_(environment),
      container_id_(std::move(container_id)),
      checkpoint_(checkpoint),
      retry_delay_(kFirstRetry) {}

Executor::~Executor() {
  EventLoop& loop = environment_.loop;
  loop.Cancel(retry_timer_);
  for (const Waiting& waiting : waiting_) loop.Cancel(waiting.timer);
}

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

void Executor::SetState(ExecutorState state, std::string condition) {
  const bool changed = state != state_;
  state_ = state;
  condition_ = std::move(condition);
  if (changed) environment_.on_state(*this);
}

void Executor::Launch(LaunchRequest request, Done done) {
  state_ = ExecutorState::kLaunching;
  launched_ = std::move(done);
  // What is known already, until its shim says it.
  v1::JournalRecord record;
  v1::Intent& intent = *record.mutable_intent();
  intent.set_container_id(container_id_);
  intent.set_framework_id(request.framework.framework_id());
  intent.set_executor_id(ExecutorIdOf(request.task));
  intent.set_checkpoint(checkpoint_);
  *intent.mutable_task() = request.task;
  (void)facts_.Apply(record);  // nothing came before it
  OnWorker([&launcher = environment_.launcher,
            request = std::move(request)] { return launcher.Launch(request); },
           [](Executor& self, absl::StatusOr<ContainerLauncher::Shim> shim) {
             if (shim.ok()) return self.Attach(*std::move(shim));
             self.SetState(ExecutorState::kGone,
                           std::string(shim.status().message()));
             std::exchange(self.launched_, nullptr)(shim.status());
             self.Settle();
           });
}

void Executor::Recover(ExecutorFacts facts) {
  facts_ = std::move(facts);
  condition_ = "looking for its shim";
  Resolve();
}

void Executor::Attach(ContainerLauncher::Shim shim) {
  shim_pid_ = shim.pid;
  AttachTo(std::move(shim.connection));
}

void Executor::AttachTo(UniqueFd connection) {
  link_ = std::make_unique<ShimLink>(
      environment_.loop, std::move(connection), environment_.agent_id,
      environment_.agent_incarnation,
      ShimLink::Events{
          .on_snapshot = [this](const auto& told) { OnSnapshot(told); },
          .on_attached = [this] { OnAttached(); },
          .on_record = [this](const auto& record) { Apply(record); },
          .on_lost = [this](const absl::Status& why) { OnLinkLost(why); },
      });
  if (state_ == ExecutorState::kUnattached) {
    condition_ = "its shim has not answered yet";
  }
}

void Executor::OnSnapshot(const v1::AttachResponse::Snapshot& snapshot) {
  ExecutorFacts facts;
  for (const v1::JournalRecord& record : snapshot.records()) {
    if (absl::Status applied = facts.Apply(record); !applied.ok()) {
      Log(Severity::kError, applied.ToString(), {{"container", container_id_}});
    }
  }
  shim_pid_ = snapshot.shim_pid();
  AdoptFacts(std::move(facts));
}

void Executor::OnAttached() {
  SetState(ExecutorState::kAttached, "");
  retry_delay_ = kFirstRetry;
  if (launched_) std::exchange(launched_, nullptr)(absl::OkStatus());
  Settle();
}

void Executor::AdoptFacts(ExecutorFacts facts) {
  facts_ = std::move(facts);
  environment_.on_facts(*this);
}

void Executor::Apply(const v1::JournalRecord& record) {
  // A task that is known since its launch was answered.
  if (record.has_task_intent() &&
      facts_.FindTask(record.task_intent().task().task_id()) != nullptr) {
    return;
  }
  if (absl::Status applied = facts_.Apply(record); !applied.ok()) {
    Log(Severity::kError, applied.ToString(), {{"container", container_id_}});
    return;
  }
  environment_.on_record(*this, record);
}

void Executor::OnLinkLost(const absl::Status& why) {
  link_.reset();
  // A shim that was not attached either has just ended or refuses us.
  if (state_ == ExecutorState::kUnattached) return OnNothingFound(why);
  if (state_ != ExecutorState::kLaunching) {
    SetState(ExecutorState::kUnattached, std::string(why.message()));
  }
  Resolve();
}

void Executor::Resolve() {
  struct Found {
    UniqueFd connection;
    std::unique_ptr<ExecutorJournal> journal;
    absl::Status status;
  };
  OnWorker(
      [&files = environment_.files,
       socket = environment_.layout.ShimSocket(container_id_),
       path = environment_.layout.Journal(container_id_, checkpoint_)] {
        Found found;
        absl::StatusOr<UniqueFd> connection = ConnectUnix(socket);
        if (connection.ok()) {
          found.connection = *std::move(connection);
          return found;
        }
        absl::StatusOr<ExecutorJournal> journal =
            ExecutorJournal::TakeOver(files, path);
        found.status = journal.status();
        if (journal.ok()) {
          found.journal =
              std::make_unique<ExecutorJournal>(*std::move(journal));
        }
        return found;
      },
      [](Executor& self, Found found) {
        if (found.connection) return self.AttachTo(std::move(found.connection));
        if (found.journal) return self.OnJournalTaken(std::move(found.journal));
        self.OnNoJournal(found.status);
      });
}

// Nobody listens, and its journal could not be taken over. Only this can mean
// damage: the same codes from elsewhere are a living shim's, or a disk's.
void Executor::OnNoJournal(const absl::Status& status) {
  const bool damaged =
      absl::IsDataLoss(status) || absl::IsFailedPrecondition(status);
  if (damaged && state_ == ExecutorState::kUnattached) {
    condition_ = std::string(status.message());
    if (environment_.on_damage(*this)) return;
    retry_delay_ = kLongestRetry;
  }
  OnNothingFound(status);
}

void Executor::OnNothingFound(const absl::Status& status) {
  if (state_ != ExecutorState::kLaunching) {
    SetState(ExecutorState::kUnattached,
             absl::IsUnavailable(status) ? "its shim lives but does not answer"
                                         : std::string(status.message()));
  }
  // Its shim can still be found, should it come to life.
  retry_timer_ = environment_.loop.After(retry_delay_, [this] {
    retry_timer_ = 0;
    Resolve();
  });
  retry_delay_ = std::min(retry_delay_ * 2, kLongestRetry);
}

void Executor::OnJournalTaken(std::unique_ptr<ExecutorJournal> journal) {
  const ExecutorFacts& facts = journal->facts();
  shim_pid_ = 0;
  if (facts.exited) return OnEnded(std::move(journal));
  if (!facts.started) return RollBack(std::move(journal));
  if (facts.started->boot_id() != environment_.boot_id) {
    return RecordReboot(std::move(journal));
  }
  RestartShim(std::move(journal));
}

void Executor::OnEnded(std::unique_ptr<ExecutorJournal> journal) {
  AdoptFacts(journal->facts());
  if (!facts_.AllAcknowledged()) journal_ = std::move(journal);
  SetState(ExecutorState::kEnded, "");
  if (launched_) std::exchange(launched_, nullptr)(absl::OkStatus());
  CleanUpRuntime(kFirstRetry);
  Settle();
}

void Executor::CleanUpRuntime(absl::Duration retry_delay) {
  OnWorker([&launcher = environment_.launcher,
            id = container_id_] { return launcher.RemoveRuntime(id); },
           [retry_delay](Executor& self, const absl::Status& removed) {
             if (removed.ok()) return;
             // The shim is on its way out of its cgroup.
             if (retry_delay > kLongestRetry * 30) {
               return Log(Severity::kError, removed.ToString(),
                          {{"container", self.container_id_}});
             }
             self.environment_.loop.After(
                 retry_delay, [weak = self.weak_from_this(), retry_delay] {
                   if (auto again = weak.lock()) {
                     again->CleanUpRuntime(retry_delay * 2);
                   }
                 });
           });
}

void Executor::RecordReboot(std::unique_ptr<ExecutorJournal> journal) {
  OnWorker(
      [journal = std::shared_ptr<ExecutorJournal>(std::move(journal)),
       now = environment_.loop.clock().Now()] {
        const absl::Status recorded =
            journal->Record(RebootRecords(*journal, now));
        return std::make_pair(
            std::make_unique<ExecutorJournal>(std::move(*journal)), recorded);
      },
      [](Executor& self,
         std::pair<std::unique_ptr<ExecutorJournal>, absl::Status> result) {
        if (result.second.ok()) return self.OnEnded(std::move(result.first));
        result.first.reset();
        self.OnNothingFound(result.second);
      });
}

// The agent died, or the shim did, before anyone was told that it runs.
void Executor::RollBack(std::unique_ptr<ExecutorJournal> journal) {
  rolled_back_ = true;
  OnWorker(
      [journal = std::shared_ptr<ExecutorJournal>(std::move(journal)),
       &launcher = environment_.launcher, id = container_id_,
       checkpoint = checkpoint_] {
        std::string last_words = launcher.LastShimLogLine(id, checkpoint);
        return std::make_pair(launcher.RollBack(id, checkpoint),
                              std::move(last_words));
      },
      [](Executor& self,
         const std::pair<absl::Status, std::string>& rolled_back) {
        if (!rolled_back.first.ok()) {
          Log(Severity::kError, rolled_back.first.ToString(),
              {{"container", self.container_id_}});
          return self.OnNothingFound(rolled_back.first);
        }
        self.SetState(ExecutorState::kGone, "its launch was rolled back");
        if (self.launched_) {
          std::exchange(self.launched_, nullptr)(
              WithReason(absl::InternalError(absl::StrCat(
                             "launch container ", self.container_id_,
                             ": its shim ended before the executor ran: ",
                             rolled_back.second)),
                         "SHIM_FAILED"));
        }
        self.Settle();
      });
}

void Executor::RestartShim(std::unique_ptr<ExecutorJournal> journal) {
  Log(Severity::kWarning, "a shim has died; a new one takes over",
      {{"container", container_id_}, {"restarts", restarts_}});
  adopted_ = true;
  auto shared = std::shared_ptr<ExecutorJournal>(std::move(journal));
  retry_timer_ = environment_.loop.After(RestartDelay(restarts_++), [this,
                                                                     shared] {
    retry_timer_ = 0;
    OnWorker(
        [&launcher = environment_.launcher, shared] {
          return launcher.Restart(std::move(*shared));
        },
        [](Executor& self, absl::StatusOr<ContainerLauncher::Shim> shim) {
          if (shim.ok()) return self.Attach(*std::move(shim));
          self.OnNothingFound(absl::UnavailableError(shim.status().message()));
        });
  });
}

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

bool Executor::IsAcknowledged(const std::string& uuid) const {
  for (const TaskFacts& task : facts_.tasks) {
    for (size_t i = 0; i < task.acknowledged; ++i) {
      if (task.updates[i].uuid() == uuid) return true;
    }
  }
  return false;
}

void Executor::Acknowledge(const std::string& uuid, Done done) {
  if (IsAcknowledged(uuid)) return done(absl::OkStatus());
  Done told = [weak = weak_from_this(), uuid,
               done](const absl::Status& status) {
    const std::shared_ptr<Executor> self = weak.lock();
    if (self == nullptr) return done(status);
    if (status.ok() && !self->IsAcknowledged(uuid)) {
      v1::JournalRecord record;
      record.mutable_acknowledged()->set_uuid(uuid);
      self->Apply(record);
    }
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
          [uuid](ExecutorJournal& journal) {
            return journal.Acknowledge(uuid);
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
  if (!journal_busy_) NextOnJournal();
}

void Executor::NextOnJournal() {
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
