#include "shim/service/outcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "api/time_convert.h"

namespace holdfast::shim {
namespace {

v1::Exited WithCode(int code) {
  v1::Exited exited;
  exited.set_exit_code(code);
  return exited;
}

v1::Exited BySignal(int signal) {
  v1::Exited exited;
  exited.set_signal(signal);
  return exited;
}

v1::Exited OutOfMemory(int signal) {
  v1::Exited exited = BySignal(signal);
  exited.set_oom_killed(true);
  return exited;
}

v1::Exited Unknown() {
  v1::Exited exited;
  exited.set_message("its shim had died, and then it ended");
  return exited;
}

v1::KillRequested Kill(v1::TaskStatusReason reason) {
  v1::KillRequested kill;
  kill.set_reason(reason);
  return kill;
}

v1::Fenced AFence() {
  v1::Fenced fenced;
  *fenced.mutable_recovery_timeout() = ToProto(absl::Minutes(15));
  return fenced;
}

void ExpectOutcome(const Outcome& outcome, v1::TaskState state,
                   v1::TaskStatusReason reason, const std::string& message) {
  EXPECT_EQ(outcome.state, state) << v1::TaskState_Name(outcome.state);
  EXPECT_EQ(outcome.reason, reason)
      << v1::TaskStatusReason_Name(outcome.reason);
  EXPECT_EQ(outcome.message, message);
}

TEST(Outcome, OfACommandThatReturnsZeroIsFinished) {
  ExpectOutcome(OutcomeOfCommand(WithCode(0), {}, {}), v1::TASK_FINISHED,
                v1::REASON_UNSPECIFIED, "Command exited with status 0");
}

TEST(Outcome, OfACommandThatReturnsAnythingElseIsFailed) {
  ExpectOutcome(OutcomeOfCommand(WithCode(7), {}, {}), v1::TASK_FAILED,
                v1::REASON_COMMAND_EXECUTOR_FAILED,
                "Command exited with status 7");
}

TEST(Outcome, NamesTheSignalThatEndedACommand) {
  ExpectOutcome(OutcomeOfCommand(BySignal(SIGSEGV), {}, {}), v1::TASK_FAILED,
                v1::REASON_COMMAND_EXECUTOR_FAILED,
                "Command terminated by signal 11 (Segmentation fault)");
}

TEST(Outcome, NamesASignalThatHasNoName) {
  EXPECT_EQ(Describe(BySignal(33)), "terminated by signal 33 (unknown)");
}

TEST(Outcome, TellsThatTheKernelTookTheMemoryBack) {
  ExpectOutcome(OutcomeOfCommand(OutOfMemory(SIGKILL), {}, {}), v1::TASK_FAILED,
                v1::REASON_CONTAINER_LIMITATION_MEMORY,
                "Memory limit exceeded; killed by the kernel");
}

TEST(Outcome, BlamesMemoryOnlyForTheProcessThatItKilled) {
  // A child of it was killed, and the command made the best of it.
  v1::Exited finished = WithCode(0), failed = WithCode(1);
  finished.set_oom_killed(true);
  failed.set_oom_killed(true);

  EXPECT_EQ(OutcomeOfCommand(finished, {}, {}).state, v1::TASK_FINISHED);
  ExpectOutcome(OutcomeOfCommand(failed, {}, {}), v1::TASK_FAILED,
                v1::REASON_COMMAND_EXECUTOR_FAILED,
                "Command exited with status 1; the kernel had killed another "
                "process of it for its memory");
  EXPECT_EQ(OutcomeOfCommand(OutOfMemory(SIGTERM), {}, {}).reason,
            v1::REASON_COMMAND_EXECUTOR_FAILED);
}

TEST(Outcome, SaysThatTheExitStatusIsUnknown) {
  ExpectOutcome(OutcomeOfCommand(Unknown(), {}, {}), v1::TASK_FAILED,
                v1::REASON_SHIM_DIED,
                "Exit status unknown: its shim had died, and then it ended");
}

TEST(Outcome, OfAKillIsKilledHoweverTheCommandTookIt) {
  const v1::KillRequested kill = Kill(v1::REASON_TASK_KILLED_BY_REQUEST);

  ExpectOutcome(OutcomeOfCommand(BySignal(SIGTERM), kill, {}), v1::TASK_KILLED,
                v1::REASON_TASK_KILLED_BY_REQUEST,
                "Killed by request; terminated by signal 15 (Terminated)");
  ExpectOutcome(OutcomeOfCommand(WithCode(0), kill, {}), v1::TASK_KILLED,
                v1::REASON_TASK_KILLED_BY_REQUEST,
                "Killed by request; exited with status 0");
  EXPECT_EQ(OutcomeOfCommand(Unknown(), kill, {}).state, v1::TASK_KILLED);
  EXPECT_EQ(OutcomeOfCommand(OutOfMemory(SIGKILL), kill, {}).state,
            v1::TASK_KILLED);
}

TEST(Outcome, OfAnAgentThatIsGoneIsFailedSinceNobodyAskedForIt) {
  ExpectOutcome(
      OutcomeOfCommand(BySignal(SIGTERM), Kill(v1::REASON_AGENT_ENDED), {}),
      v1::TASK_FAILED, v1::REASON_AGENT_ENDED,
      "The agent is gone; terminated by signal 15 (Terminated)");
}

TEST(Outcome, SaysWhyTheAgentEndedIt) {
  v1::KillRequested kill = Kill(v1::REASON_AGENT_DRAINED);
  kill.set_message("The agent was drained");

  ExpectOutcome(OutcomeOfCommand(WithCode(0), kill, {}), v1::TASK_KILLED,
                v1::REASON_AGENT_DRAINED,
                "The agent was drained; exited with status 0");
  kill.set_state(v1::TASK_GONE_BY_OPERATOR);
  EXPECT_EQ(OutcomeOfCommand(WithCode(0), kill, {}).state,
            v1::TASK_GONE_BY_OPERATOR);
}

TEST(Outcome, OfOneWhoseShimDidNotAnswerIsFailed) {
  EXPECT_EQ(OutcomeOfCommand(
                Unknown(), Kill(v1::REASON_EXECUTOR_REREGISTRATION_TIMEOUT), {})
                .state,
            v1::TASK_FAILED);
}

TEST(Outcome, OfTheFenceGoesBeforeAKill) {
  ExpectOutcome(
      OutcomeOfCommand(BySignal(SIGKILL),
                       Kill(v1::REASON_TASK_KILLED_BY_REQUEST), AFence()),
      v1::TASK_FAILED, v1::REASON_RECOVERY_TIMEOUT,
      "No agent came back within recovery_timeout (15m); the executor was "
      "ended and terminated by signal 9 (Killed)");
}

TEST(OrphanOutcome, SaysHowItsExecutorEnded) {
  ExpectOutcome(OutcomeOfOrphan(WithCode(0), {}, {}, {}), v1::TASK_FAILED,
                v1::REASON_EXECUTOR_TERMINATED,
                "Its executor exited with status 0");
  ExpectOutcome(OutcomeOfOrphan(BySignal(SIGABRT), {}, {}, {}), v1::TASK_FAILED,
                v1::REASON_EXECUTOR_TERMINATED,
                "Its executor terminated by signal 6 (Aborted)");
}

TEST(OrphanOutcome, SaysThatNobodyKnowsHowItsExecutorEnded) {
  ExpectOutcome(OutcomeOfOrphan(Unknown(), {}, {}, {}), v1::TASK_FAILED,
                v1::REASON_EXECUTOR_TERMINATED,
                "Its executor has ended; exit status unknown: its shim had "
                "died, and then it ended");
}

TEST(OrphanOutcome, TellsThatTheKernelTookTheMemoryBack) {
  EXPECT_EQ(OutcomeOfOrphan(OutOfMemory(SIGKILL), {}, {}, {}).reason,
            v1::REASON_CONTAINER_LIMITATION_MEMORY);
  EXPECT_EQ(OutcomeOfOrphan(OutOfMemory(SIGTERM), {}, {}, {}).reason,
            v1::REASON_EXECUTOR_TERMINATED);
}

TEST(OrphanOutcome, OfAKillIsKilledWhetherTheTaskOrTheExecutorWasMeant) {
  const v1::KillRequested kill = Kill(v1::REASON_TASK_KILLED_BY_REQUEST);

  EXPECT_EQ(OutcomeOfOrphan(WithCode(0), kill, {}, {}).state, v1::TASK_KILLED);
  EXPECT_EQ(OutcomeOfOrphan(WithCode(0), {}, kill, {}).state, v1::TASK_KILLED);
}

TEST(OrphanOutcome, TakesTheTasksOwnKillBeforeTheExecutors) {
  const Outcome outcome =
      OutcomeOfOrphan(WithCode(0), Kill(v1::REASON_TASK_KILLED_BY_REQUEST),
                      Kill(v1::REASON_AGENT_ENDED), {});

  EXPECT_EQ(outcome.reason, v1::REASON_TASK_KILLED_BY_REQUEST);
}

TEST(OrphanOutcome, OfTheFenceGoesBeforeEveryKill) {
  const v1::KillRequested kill = Kill(v1::REASON_TASK_KILLED_BY_REQUEST);

  EXPECT_EQ(OutcomeOfOrphan(WithCode(0), kill, kill, AFence()).reason,
            v1::REASON_RECOVERY_TIMEOUT);
}

TEST(Outcome, OfAHostThatGoesDownIsNotTheTasksOwn) {
  ExpectOutcome(OutcomeOfHostStop(WithCode(0)), v1::TASK_FAILED,
                v1::REASON_AGENT_REBOOTED,
                "The host went down; the executor was ended and exited with "
                "status 0");
}

class AttributionTest : public testing::Test {
 protected:
  AttributionTest() {
    kill_.set_reason(v1::REASON_AGENT_DRAINED);
    kill_.set_message("The agent was drained");
    kill_.set_state(v1::TASK_GONE_BY_OPERATOR);
    status_.set_state(v1::TASK_KILLED);
  }

  v1::KillRequested kill_;
  v1::TaskStatus status_;
};

TEST_F(AttributionTest, SaysWhyACustomExecutorHadToKill) {
  AttributeToKill(kill_, status_);

  EXPECT_EQ(status_.state(), v1::TASK_GONE_BY_OPERATOR);
  EXPECT_EQ(status_.reason(), v1::REASON_AGENT_DRAINED);
  EXPECT_EQ(status_.message(), "The agent was drained");
}

TEST_F(AttributionTest, LeavesTheExecutorItsOwnWords) {
  status_.set_message("saved its work");

  AttributeToKill(kill_, status_);

  EXPECT_EQ(status_.message(), "saved its work");
  EXPECT_EQ(status_.reason(), v1::REASON_AGENT_DRAINED);
}

TEST_F(AttributionTest, LeavesWhatIsNoKillOrHasAReasonOfItsOwn) {
  v1::TaskStatus finished;
  finished.set_state(v1::TASK_FINISHED);
  status_.set_reason(v1::REASON_CONTAINER_LIMITATION_MEMORY);

  AttributeToKill(kill_, finished);
  AttributeToKill(kill_, status_);

  EXPECT_EQ(finished.state(), v1::TASK_FINISHED);
  EXPECT_EQ(finished.reason(), v1::REASON_UNSPECIFIED);
  EXPECT_EQ(status_.state(), v1::TASK_KILLED);
  EXPECT_EQ(status_.reason(), v1::REASON_CONTAINER_LIMITATION_MEMORY);
}

}  // namespace
}  // namespace holdfast::shim
