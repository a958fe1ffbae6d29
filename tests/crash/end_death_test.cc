// An executor's end and what follows it, wherever agent or shim die on the way.

#include <unistd.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "tests/crash/death_fixture.h"

namespace holdfast {
namespace {

constexpr absl::Duration kShortTimeout = absl::Milliseconds(50);

class EndDeath : public DeathTest {
 protected:
  void LaunchSleeper() {
    LaunchAtRest(CommandTask(TaskId(), {"sleep", "1000"}));
  }
  // Leaves with 7 when it is told to.
  v1::TaskInfo Waiter() {
    return ShellTask(TaskId(), absl::StrCat("while ! [ -e ", Cue(),
                                            " ]; do sleep 0.01; done; exit 7"));
  }
  std::string Cue() const { return Scratch(TaskId() + "-cue"); }
  void GiveCue() {
    witness().NoteOwnEnd(TaskId(), 7);
    WriteFile(Cue(), "");
  }
  size_t Acknowledged() { return ledger().Get(TaskId()).acknowledged; }
};

TEST_F(EndDeath, OfAKillLeavesItDoneOrNotBegun) {
  DieEverywhere({
      .prepare =
          [&] {
            const std::string deaf = Scratch(TaskId() + "-is-deaf");
            const std::string line = absl::StrCat(
                "trap '' TERM; touch ", deaf, "; while :; do sleep 0.01; done");
            LaunchAtRest(
                WithGrace(ShellTask(TaskId(), line), absl::Milliseconds(30)));
            EXPECT_TRUE(
                Eventually([&] { return access(deaf.c_str(), F_OK) == 0; }));
          },
      .act =
          [&] {
            (void)witness().Kill(TaskId());
            Await([&] { return Acknowledged() == 2; });
          },
  });
}

TEST_F(EndDeath, OfItsOwnLosesNoExitStatusButAShims) {
  DieEverywhere({
      .prepare = [&] { LaunchAtRest(Waiter()); },
      .act =
          [&] {
            GiveCue();
            Await([&] { return Acknowledged() == 2; });
          },
  });
}

TEST_F(EndDeath, OfAnAcknowledgementForgetsNone) {
  DieEverywhere({
      .prepare =
          [&] {
            Register(kFramework);
            EXPECT_TRUE(witness().Launch(Waiter(), kFramework).ok());
          },
      .act =
          [&] {
            Watch(kFramework);
            Await([&] { return Acknowledged() == 1; });
          },
  });
}

TEST_F(EndDeath, OfAnAcknowledgementToAnEndedOneForgetsNone) {
  DieEverywhere({
      .prepare =
          [&] {
            Register(kFramework);
            EXPECT_TRUE(witness().Launch(Waiter(), kFramework).ok());
            GiveCue();
            EXPECT_TRUE(Eventually([&] {
              const auto task = witness().Find(TaskId());
              return task && task->state() == v1::TASK_FAILED &&
                     task->shim_pid() == 0 && !task->attached();
            }));
          },
      .act =
          [&] {
            Watch(kFramework);
            Await([&] { return Acknowledged() == 2; });
          },
  });
}

TEST_F(EndDeath, OfARemovalLeavesAllOrNothing) {
  DieEverywhere({
      .prepare =
          [&] {
            LaunchAtRest(Waiter());
            GiveCue();
            AwaitEnd(TaskId());
          },
      .act = [&] { (void)witness().Remove(TaskId()); },
  });
}

TEST_F(EndDeath, OfALeaseKeepsItAsItWasAnswered) {
  bool answered = false;
  DieEverywhere({
      .prepare = [&] { LaunchSleeper(); },
      .act =
          [&] {
            v1::ChangeLeasesRequest request;
            request.set_framework_id(kFramework);
            request.add_task_ids(TaskId());
            request.mutable_recovery_timeout()->set_seconds(77);
            answered = client().Call(&Stub::ChangeLeases, request).ok();
          },
      .resume =
          [&] {
            Recover();
            EXPECT_TRUE(Eventually([&] { return witness().AllRun(); }));
            const auto task = witness().Find(TaskId());
            ASSERT_TRUE(task.has_value());
            const int64_t seconds = task->recovery_timeout().seconds();
            EXPECT_TRUE(seconds == 77 || (!answered && seconds == 15 * 60))
                << seconds;
          },
  });
}

// The agent stays away for too long.
TEST_F(EndDeath, OfAFencedOneLeavesItEndedOrAdopted) {
  std::optional<ProcessWatch> shim;
  DieEverywhere({
      .prepare =
          [&] {
            LaunchAtRest(WithRecoveryTimeout(
                CommandTask(TaskId(), {"sleep", "1000"}), kShortTimeout));
            shim.emplace(Get(TaskId()).task().shim_pid());
          },
      .act =
          [&] {
            (void)witness().EndAll(v1::REASON_RECOVERY_TIMEOUT, [&] {
              KillAgent();
              Await([&] { return !shim->Runs(); });
              return Died() ? absl::UnavailableError("") : absl::OkStatus();
            });
          },
  });
}

}  // namespace
}  // namespace holdfast
