// Executor: finding its shim, or what that left; and what follows from it.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/reasons.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/unix_socket.h"
#include "plugin/recovery/checkpoint_scan.h"
#include "plugin/recovery/reboot.h"
#include "plugin/service/executor.h"

namespace holdfast {
namespace {

// A shim that neither answers nor lets go of its journal may be ending right
// now, or be starved: it is looked for in growing pauses.
constexpr absl::Duration kLongestRetry = absl::Seconds(1);

// Shims that die again and again are started more and more seldom.
absl::Duration RestartDelay(int restarts) {
  if (restarts == 0) return absl::ZeroDuration();
  return std::min(absl::Milliseconds(100) * (1 << std::min(restarts, 8)),
                  absl::Seconds(30));
}

}  // namespace

void Executor::Resolve() {
  struct Found {
    UniqueFd connection;
    std::unique_ptr<ExecutorJournal> journal;
    absl::Status status;
  };
  OnWorker(
      [&files = environment_.files,
       socket = environment_.layout.ShimSocket(container_id_),
       path = environment_.layout.Journal(container_id_, checkpoint_),
       id = container_id_] {
        Found found;
        absl::StatusOr<UniqueFd> connection = ConnectUnix(socket);
        if (connection.ok()) {
          found.connection = *std::move(connection);
          return found;
        }
        absl::StatusOr<ExecutorJournal> journal =
            ExecutorJournal::TakeOver(files, path);
        found.status =
            journal.ok() ? CheckOwner(journal->facts(), id) : journal.status();
        if (found.status.ok()) {
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
  const bool locked = absl::IsUnavailable(status);
  evidence_.shim = locked ? ShimState::kSilent : ShimState::kDead;
  if (!locked) evidence_.journal = status;
  if (IsDamage(status) && state_ == ExecutorState::kUnattached) {
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

void Executor::LookAgain() {
  retry_delay_ = kLongestRetry;
  OnNothingFound(evidence_.journal);
}

void Executor::OnJournalTaken(std::unique_ptr<ExecutorJournal> journal) {
  shim_pid_ = 0;
  Evidence now = EvidenceFrom(journal->facts(), environment_.boot_id);
  now.shim = ShimState::kDead;
  if (!adopted_) evidence_ = now;
  switch (Decide(now).decision) {
    case v1::GetRecoveryResponse::ROLLED_BACK:
      return RollBack(std::move(journal));
    case v1::GetRecoveryResponse::ADOPTED:
      return RestartShim(std::move(journal));
    case v1::GetRecoveryResponse::AGENT_REBOOTED:
      if (!now.exited) return RecordReboot(std::move(journal));
      return OnEnded(std::move(journal));
    default:  // ENDED_WHILE_AWAY: nothing else follows from a journal
      return OnEnded(std::move(journal));
  }
}

void Executor::OnEnded(std::unique_ptr<ExecutorJournal> journal) {
  AdoptFacts(journal->facts());
  if (!facts_.AllAcknowledged()) journal_ = std::move(journal);
  HOLDFAST_FAILPOINT(EndLearnt);
  SetState(ExecutorState::kEnded, "");
  if (launched_) std::exchange(launched_, nullptr)(absl::OkStatus());
  CleanUpRuntime(kFirstRetry);
  Settle();
}

void Executor::CleanUpRuntime(absl::Duration retry_delay) {
  OnWorker([&launcher = environment_.launcher,
            id = container_id_] { return launcher.RemoveRuntime(id); },
           [retry_delay](Executor& self, const absl::Status& removed) {
             self.runtime_removed_ = removed.ok();
             if (removed.ok()) return;
             // The shim is on its way out of its cgroup.
             if (retry_delay > kLongestRetry * 30) {
               self.runtime_removed_ = true;  // as far as it can be
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

void Executor::ReplaceShim() {
  const bool has_shim = state_ == ExecutorState::kUnattached ||
                        state_ == ExecutorState::kAttached;
  if (!has_shim || is_unknown()) return;
  Log(Severity::kWarning, "a shim does not answer; another one takes over",
      {{"container", container_id_}});
  OnWorker([&launcher = environment_.launcher,
            id = container_id_] { return launcher.KillShim(id); },
           [](Executor& self, const absl::Status& killed) {
             // Its journal is free now, and is being looked for anyway, or
             // will be when the link is seen to be lost.
             if (killed.ok() || absl::IsNotFound(killed)) return;
             Log(Severity::kError, killed.ToString(),
                 {{"container", self.container_id_}});
           });
}

void Executor::ReplaceShimIfItHangs() {
  if (state_ != ExecutorState::kAttached) return;
  link_->Ask([weak = weak_from_this()](const absl::Status& status) {
    const std::shared_ptr<Executor> self = weak.lock();
    if (self == nullptr || !absl::IsUnavailable(status)) return;
    // Else it was lost meanwhile, and is being looked for.
    if (self->state_ == ExecutorState::kAttached) self->ReplaceShim();
  });
}

}  // namespace holdfast
