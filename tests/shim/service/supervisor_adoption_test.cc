#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/time_convert.h"
#include "shim/executor/process_group.h"
#include "tests/shim/service/supervisor_fixture.h"

// A shim that takes over what a former one, dead now, had started.

namespace holdfast::shim {
namespace {

using ::testing::HasSubstr;

constexpr char kWaits[] =
    "echo one; until [ -e go ]; do sleep 0.02; done; echo two; exit 7";

class AdoptionTest : public SupervisorTest {
 protected:
  // A shim starts it and dies.
  void StartAndDie(const v1::Intent& intent) {
    ASSERT_TRUE(Start(intent).ok());
    pid_ = supervisor_->pid();
    facts_before_ = facts();
    Die();
  }
  // A journal whose executor is `pid`, as a former shim wrote it.
  void WriteJournal(const v1::Intent& intent, pid_t pid, uint64_t ticks,
                    const v1::Started& more = {}) {
    absl::StatusOr<ExecutorJournal> journal =
        ExecutorJournal::Create(*files_, JournalPath(), intent);
    ASSERT_TRUE(journal.ok()) << journal.status();
    v1::JournalRecord started;
    *started.mutable_started() = more;
    started.mutable_started()->set_pid(pid);
    started.mutable_started()->set_start_ticks(ticks);
    *started.mutable_started()->mutable_time() = ToProto(clock_.Now());
    ASSERT_TRUE(journal->Record(started).ok());
  }

  pid_t pid_ = -1;
  ExecutorFacts facts_before_;
};
INSTANTIATE_TEST_SUITE_P(Modes, AdoptionTest, kAllModes, ModeName);

TEST_P(AdoptionTest, WatchesTheSameProcessOn) {
  StartAndDie(Command(kWaits));

  ASSERT_TRUE(TakeOver().ok());

  EXPECT_EQ(supervisor_->phase(), Phase::kRunning);
  EXPECT_EQ(supervisor_->pid(), pid_);
  LetGo();
  ASSERT_TRUE(RunUntilOver());
  EXPECT_EQ(LastStatus().exit_code(), 7);
  EXPECT_EQ(facts().tasks[0].updates.size(), 2u) << "it began once";
}

TEST_P(AdoptionTest, LosesNoOutput) {
  ASSERT_TRUE(
      Start(Command("echo one; until [ -e go ]; do sleep 0.02; done; "
                    "echo two; until [ -e leave ]; do sleep 0.02; done"))
          .ok());
  ASSERT_TRUE(RunUntilOutput("one"));
  Die();
  LetGo();  // what it writes now waits in the pipe, as long as it lives

  ASSERT_TRUE(TakeOver().ok());
  LetGo("leave");
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(Output(), "one\ntwo\n");
}

TEST_P(AdoptionTest, LearnsTheEndOfOneThatIsNotItsChild) {
  // Its parent dies with the report; init has it then.
  const NumberPipe started;
  TestProcess former_shim(groups_, [&] {
    const pid_t executor = fork();
    if (executor == 0) {
      while (access((directory_ / "go").c_str(), F_OK) != 0) usleep(20'000);
      _exit(7);
    }
    started.Send(executor);
  });
  const pid_t executor = started.Receive();
  former_shim.Wait();
  WriteJournal(Command(""), executor, *ReadStartTicks(executor));

  ASSERT_TRUE(TakeOver().ok());
  EXPECT_EQ(supervisor_->phase(), Phase::kRunning);
  LetGo();
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().state(), v1::TASK_FAILED);
  if (facts().exited->has_exit_code()) {  // Linux 6.15 tells
    EXPECT_EQ(LastStatus().exit_code(), 7);
  } else {
    EXPECT_EQ(LastStatus().reason(), v1::REASON_SHIM_DIED);
    EXPECT_THAT(LastStatus().message(), HasSubstr("only a parent is told"));
  }
}

TEST_P(AdoptionTest, SaysWhatIsKnownOfOneThatEndedMeanwhile) {
  StartAndDie(Command("exit 0"));
  ASSERT_EQ(waitpid(pid_, nullptr, 0), pid_);

  ASSERT_TRUE(TakeOver().ok());
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().state(), v1::TASK_FAILED);
  EXPECT_EQ(LastStatus().reason(), v1::REASON_SHIM_DIED);
  EXPECT_FALSE(LastStatus().has_exit_code() || LastStatus().has_signal());
}

TEST_P(AdoptionTest, BelievesNoPidThatAnotherProcessHasNow) {
  WriteJournal(Command(""), getpid(), *ReadStartTicks(getpid()) + 1);

  ASSERT_TRUE(TakeOver().ok());
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(supervisor_->pid(), -1);
  EXPECT_EQ(LastStatus().reason(), v1::REASON_SHIM_DIED);
}

TEST_P(AdoptionTest, BelievesNoProcessOutsideItsGroup) {
  const pid_t stranger = fork();
  if (stranger == 0) SleepForever();
  WriteJournal(Command(""), stranger, *ReadStartTicks(stranger));

  ASSERT_TRUE(TakeOver().ok());
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().reason(), v1::REASON_SHIM_DIED);
  EXPECT_THAT(LastStatus().message(), HasSubstr("is not in its cgroup"));
  EXPECT_EQ(waitpid(stranger, nullptr, WNOHANG), 0) << "it was signalled";
  kill(stranger, SIGKILL);
}

TEST_P(AdoptionTest, TouchesNobodyInAnotherGroupOfThatName) {
  const TestProcess stranger(groups_, SleepForever);
  v1::Started started;
  started.set_cgroup_id(12345);
  WriteJournal(Command(""), stranger.pid(), *ReadStartTicks(stranger.pid()),
               started);

  ASSERT_TRUE(TakeOver().ok());
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().reason(), v1::REASON_SHIM_DIED);
  EXPECT_EQ(waitpid(stranger.pid(), nullptr, WNOHANG), 0) << "it was killed";
}

TEST_P(AdoptionTest, RecordsTheEndOfOneWhoseGroupIsGone) {
  StartAndDie(Command("exit 0"));
  ASSERT_EQ(waitpid(pid_, nullptr, 0), pid_);
  ASSERT_TRUE(
      ProcessGroup::Open(groups_.cgroup_directory, groups_.freezer_directory)
          ->Remove()
          .ok());

  ASSERT_TRUE(TakeOver().ok());
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().reason(), v1::REASON_SHIM_DIED);
  EXPECT_THAT(LastStatus().message(), HasSubstr("there is no process"));
}

TEST_P(AdoptionTest, ReadsTheStatusOfAZombieThatNobodyReaps) {
  const NumberPipe started;
  const TestProcess former_shim(groups_, [&] {
    const pid_t executor = fork();
    if (executor == 0) _exit(7);
    started.Send(executor);
    SleepForever();
  });
  const pid_t executor = started.Receive();
  ASSERT_TRUE(EndsSoon(*Pidfd::Open(executor)));
  WriteJournal(Command(""), executor, *ReadStartTicks(executor));

  ASSERT_TRUE(TakeOver().ok());
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().exit_code(), 7);
  EXPECT_EQ(LastStatus().reason(), v1::REASON_COMMAND_EXECUTOR_FAILED);
}

TEST_P(AdoptionTest, IsWrittenDown) {
  StartAndDie(Command(kWaits));
  const absl::Time began = FromProto(facts_before_.started->time());

  ASSERT_TRUE(TakeOver().ok());

  ASSERT_EQ(facts().history.size(), 1u);
  EXPECT_EQ(facts().history[0].started().shim_pid(), getpid());
  EXPECT_GT(FromProto(facts().history[0].started().time()), began);
  EXPECT_EQ(FromProto(facts().started->time()), began);
}

TEST_P(AdoptionTest, HoldsByALeaseThatWasGivenBefore) {
  ASSERT_TRUE(Start(Command("exec sleep 1000")).ok());
  v1::ShimConfigureRequest pause;
  pause.set_fence_paused(true);
  ASSERT_TRUE(supervisor_->Configure(pause).ok());
  v1::ShimConfigureRequest extend;
  *extend.mutable_extend_fence() = ToProto(absl::Hours(2));
  ASSERT_TRUE(supervisor_->Configure(extend).ok());
  Die();

  ASSERT_TRUE(TakeOver().ok());
  Jump(absl::Hours(1));
  EXPECT_EQ(supervisor_->phase(), Phase::kRunning) << "it was paused";
  pause.set_fence_paused(false);
  ASSERT_TRUE(supervisor_->Configure(pause).ok());
  Jump(absl::Minutes(59));
  EXPECT_EQ(supervisor_->phase(), Phase::kRunning) << "it was extended";
  Jump(absl::Minutes(2));

  ASSERT_TRUE(RunUntilOver());
  EXPECT_EQ(LastStatus().reason(), v1::REASON_RECOVERY_TIMEOUT);
}

TEST_P(AdoptionTest, KnowsThatTheAgentHadGone) {
  ASSERT_TRUE(Start(Command(kWaits)).ok());
  supervisor_->AgentAttached("life-1");
  supervisor_->AgentLost();
  Die();

  ASSERT_TRUE(TakeOver().ok());
  supervisor_->AgentAttached("life-2");
  Jump(absl::Seconds(1));

  EXPECT_EQ(CountRecords(v1::JournalRecord::kAttached), 1);
}

TEST_P(AdoptionTest, KillsWhatAnExecutorLeftThatEndedMeanwhile) {
  StartAndDie(
      Command("(trap '' TERM; echo; exec sleep 1000) & read x </dev/null;"
              "exit 0"));
  ASSERT_EQ(waitpid(pid_, nullptr, 0), pid_);

  ASSERT_TRUE(TakeOver().ok());
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(TrackedGroup(), "");
}

TEST_P(AdoptionTest, GoesOnWithAKillThatWasUnderWay) {
  ASSERT_TRUE(Start(Command("trap '' TERM; echo ready;"
                            "while :; do sleep 0.05; done"))
                  .ok());
  ASSERT_TRUE(RunUntilOutput("ready"));
  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7")).ok());
  Die();

  ASSERT_TRUE(TakeOver().ok());
  EXPECT_EQ(supervisor_->phase(), Phase::kKilling);
  Jump(absl::Minutes(1));
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().state(), v1::TASK_KILLED);
  EXPECT_EQ(LastStatus().signal(), SIGKILL);
}

TEST_P(AdoptionTest, KeepsToTheShorterGraceOfTaskAndExecutor) {
  ASSERT_TRUE(Start(Command("trap '' TERM; echo ready;"
                            "while :; do sleep 0.05; done"))
                  .ok());
  ASSERT_TRUE(RunUntilOutput("ready"));
  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7", absl::Hours(1))).ok());
  ASSERT_TRUE(supervisor_->Kill(KillOf("", absl::Seconds(5))).ok());
  Die();

  ASSERT_TRUE(TakeOver().ok());
  Jump(absl::Seconds(5));

  EXPECT_TRUE(RunUntilOver());
}

TEST_P(AdoptionTest, KeepsToTheGracePeriodThatTheKillCameWith) {
  ASSERT_TRUE(Start(Command("trap '' TERM; echo ready;"
                            "while :; do sleep 0.05; done"))
                  .ok());
  ASSERT_TRUE(RunUntilOutput("ready"));
  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7", absl::Hours(1))).ok());
  Die();

  ASSERT_TRUE(TakeOver().ok());
  Jump(absl::Minutes(50));
  EXPECT_EQ(supervisor_->phase(), Phase::kKilling) << "the launch's is shorter";
  Jump(absl::Minutes(10));

  EXPECT_TRUE(RunUntilOver());
}

TEST_P(AdoptionTest, GoesOnWithAFenceThatHadFallen) {
  ASSERT_TRUE(Start(Command("trap '' TERM; echo ready;"
                            "while :; do sleep 0.05; done"))
                  .ok());
  ASSERT_TRUE(RunUntilOutput("ready"));
  Jump(absl::Minutes(15));
  ASSERT_TRUE(facts().fenced.has_value());
  Die();

  ASSERT_TRUE(TakeOver().ok());
  Jump(absl::Minutes(1));
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().reason(), v1::REASON_RECOVERY_TIMEOUT);
}

TEST_P(AdoptionTest, CountsTheRecoveryTimeoutFromItsBeginning) {
  StartAndDie(Command("exec sleep 1000"));

  ASSERT_TRUE(TakeOver().ok());
  Jump(absl::Minutes(14));
  EXPECT_EQ(supervisor_->phase(), Phase::kRunning);
  Jump(absl::Minutes(1));
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().reason(), v1::REASON_RECOVERY_TIMEOUT);
}

TEST_P(AdoptionTest, GivesTheAgentThatStartedItTimeToAttach) {
  v1::Intent intent = Command("exec sleep 1000");
  intent.set_checkpoint(false);
  StartAndDie(intent);

  ASSERT_TRUE(TakeOver().ok());
  RunUntilQuiet();
  EXPECT_EQ(supervisor_->phase(), Phase::kRunning)
      << "its agent lives, or this shim would not have been started";
  supervisor_->AgentAttached("life-1");
  Jump(absl::Hours(1));

  EXPECT_EQ(supervisor_->phase(), Phase::kRunning);
}

}  // namespace
}  // namespace holdfast::shim
