#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

#include "api/time_convert.h"
#include "tests/shim/service/supervisor_fixture.h"

// Kills that somebody asked for.

namespace holdfast::shim {
namespace {

// Heeds SIGTERM, or does not.
constexpr char kPolite[] =
    "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done";
constexpr char kStubborn[] =
    "trap '' TERM; echo ready; while :; do sleep 0.05; done";

class KillTest : public SupervisorTest {
 protected:
  void StartAndWait(const v1::Intent& intent) {
    ASSERT_TRUE(Start(intent).ok());
    ASSERT_TRUE(RunUntilOutput("ready"));
  }
  bool IsRunning() { return !Pidfd::Open(supervisor_->pid())->HasEnded(); }
};
INSTANTIATE_TEST_SUITE_P(Modes, KillTest, kAllModes, ModeName);

TEST_P(KillTest, LetsTheCommandEndByItself) {
  StartAndWait(Command(kPolite));

  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7")).ok());
  EXPECT_EQ(supervisor_->phase(), Phase::kKilling);
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().state(), v1::TASK_KILLED);
  EXPECT_EQ(LastStatus().reason(), v1::REASON_TASK_KILLED_BY_REQUEST);
  EXPECT_EQ(LastStatus().exit_code(), 3) << "the kernel's fact beside it";
}

TEST_P(KillTest, KillsWhenTheGracePeriodIsOverAndNotBefore) {
  StartAndWait(Command(kStubborn));

  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7")).ok());
  Jump(absl::Seconds(50));
  EXPECT_TRUE(IsRunning());
  Jump(absl::Seconds(10));
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().state(), v1::TASK_KILLED);
  EXPECT_EQ(LastStatus().signal(), SIGKILL);
}

TEST_P(KillTest, KillsAtOnceWithoutAGracePeriod) {
  StartAndWait(Command(kPolite));

  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7", absl::ZeroDuration())).ok());
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().signal(), SIGKILL);
}

TEST_P(KillTest, IsShortenedByAShorterGracePeriod) {
  StartAndWait(Command(kStubborn));

  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7", absl::Hours(1))).ok());
  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7", absl::Seconds(1))).ok());
  Jump(absl::Seconds(1));

  EXPECT_TRUE(RunUntilOver());
}

TEST_P(KillTest, IsNotLengthenedByALongerOne) {
  StartAndWait(Command(kStubborn));

  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7", absl::Seconds(1))).ok());
  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7", absl::Hours(1))).ok());
  Jump(absl::Seconds(1));

  EXPECT_TRUE(RunUntilOver());
}

TEST_P(KillTest, IsBoundedWhereverItsGracePeriodComesFrom) {
  v1::Intent intent = Command(kStubborn);
  *intent.mutable_task()->mutable_kill_policy()->mutable_grace_period() =
      ToProto(absl::Hours(1));
  StartAndWait(intent);

  ASSERT_TRUE(supervisor_->Kill(KillOf(""), absl::Seconds(2)).ok());

  EXPECT_EQ(FromProto(facts().kill->grace_period()), absl::Seconds(2));
  Jump(absl::Seconds(2));
  EXPECT_TRUE(RunUntilOver());
}

TEST_P(KillTest, OfAnExecutorGivesEachTaskTheLongestGraceOfThem) {
  v1::Intent intent = CustomExecutor(kStubborn);
  *intent.mutable_task()->mutable_kill_policy()->mutable_grace_period() =
      ToProto(absl::Seconds(3));
  StartAndWait(intent);
  v1::TaskInfo patient;
  patient.set_task_id("t-8");
  *patient.mutable_kill_policy()->mutable_grace_period() =
      ToProto(absl::Hours(1));
  ASSERT_TRUE(supervisor_->LaunchTask(patient).ok());

  ASSERT_TRUE(supervisor_->Kill(KillOf("")).ok());

  EXPECT_EQ(FromProto(facts().kill->grace_period()), absl::Hours(1));
}

TEST_P(KillTest, RecordsTheGracePeriodThatHolds) {
  v1::Intent intent = Command(kStubborn);
  StartAndWait(intent);
  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7")).ok());
  EXPECT_EQ(FromProto(facts().tasks[0].kill->grace_period()), absl::Minutes(1));

  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7", absl::Seconds(2))).ok());

  EXPECT_EQ(FromProto(facts().tasks[0].kill->grace_period()), absl::Seconds(2));
  EXPECT_TRUE(facts().tasks[0].kill->has_time());
}

TEST_P(KillTest, TakesTheTasksGracePeriodBeforeTheLaunchs) {
  v1::Intent intent = Command(kStubborn);
  *intent.mutable_task()->mutable_kill_policy()->mutable_grace_period() =
      ToProto(absl::Seconds(3));
  StartAndWait(intent);

  ASSERT_TRUE(supervisor_->Kill(KillOf("")).ok());

  EXPECT_EQ(FromProto(facts().kill->grace_period()), absl::Seconds(3));
  Jump(absl::Seconds(3));
  ASSERT_TRUE(RunUntilOver());
  EXPECT_EQ(LastStatus().state(), v1::TASK_KILLED);
}

TEST_P(KillTest, TellsTaskKillingOnceWhereItIsWanted) {
  v1::Intent intent = Command(kStubborn);
  intent.set_task_killing_state(true);
  StartAndWait(intent);

  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7")).ok());
  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7")).ok());

  EXPECT_EQ(facts().tasks[0].updates.size(), 2u);
  EXPECT_EQ(LastStatus().state(), v1::TASK_KILLING);
}

TEST_P(KillTest, TellsTaskKillingOfEachTaskWhenTheExecutorIsMeant) {
  v1::Intent intent = CustomExecutor(kStubborn);
  intent.set_task_killing_state(true);
  StartAndWait(intent);
  v1::TaskInfo second;
  second.set_task_id("t-8");
  ASSERT_TRUE(supervisor_->LaunchTask(second).ok());
  ASSERT_TRUE(supervisor_->Kill(KillOf("t-8")).ok());

  ASSERT_TRUE(supervisor_->Kill(KillOf("")).ok());
  ASSERT_TRUE(supervisor_->Kill(KillOf("")).ok());

  EXPECT_EQ(LastStatus("t-7").state(), v1::TASK_KILLING);
  EXPECT_EQ(LastStatus("t-8").state(), v1::TASK_KILLING);
  EXPECT_EQ(CountRecords(v1::JournalRecord::kUpdate), 2);
}

TEST_P(KillTest, TellsNoTaskKillingWhereItIsNotWanted) {
  StartAndWait(Command(kStubborn));

  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7")).ok());

  EXPECT_EQ(LastStatus().state(), v1::TASK_RUNNING);
}

TEST_P(KillTest, KnowsNoOtherTask) {
  StartAndWait(Command(kPolite));

  const absl::Status unknown = supervisor_->Kill(KillOf("t-8"));

  EXPECT_TRUE(absl::IsNotFound(unknown)) << unknown;
  EXPECT_EQ(supervisor_->phase(), Phase::kRunning);
}

TEST_P(KillTest, OfWhatHasEndedIsOkAndChangesNothing) {
  ASSERT_TRUE(Start(Command("exit 0")).ok());
  ASSERT_TRUE(RunUntilOver());
  const size_t told = records_.size();

  EXPECT_TRUE(supervisor_->Kill(KillOf("t-7")).ok());
  EXPECT_TRUE(supervisor_->Kill(KillOf("")).ok());

  EXPECT_EQ(records_.size(), told);
  EXPECT_EQ(LastStatus().state(), v1::TASK_FINISHED);
}

TEST_P(KillTest, ReachesEveryProcessOfTheGroup) {
  StartAndWait(
      Command("(trap 'echo child >>heard; exit' TERM; echo ready;"
              " while :; do sleep 0.05; done) & "
              "trap 'wait; exit 0' TERM; wait; wait"));

  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7")).ok());
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(Output("heard"), "child\n");
}

TEST_P(KillTest, OfACustomExecutorsTaskIsLeftToTheExecutor) {
  StartAndWait(CustomExecutor(kPolite));
  supervisor_->AgentAttached("life-1");

  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7")).ok());
  Jump(absl::Hours(1));

  EXPECT_EQ(supervisor_->phase(), Phase::kRunning);
  ASSERT_EQ(kills_.size(), 1u);
  EXPECT_EQ(kills_[0].task_id(), "t-7");
  EXPECT_EQ(FromProto(kills_[0].grace_period()), absl::Minutes(1));
}

TEST_P(KillTest, OfACustomExecutorEndsItWithAllItsTasks) {
  StartAndWait(CustomExecutor(kPolite));

  ASSERT_TRUE(supervisor_->Kill(KillOf("")).ok());
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(kills_.size(), 1u) << "it was told, too";
  EXPECT_EQ(LastStatus().state(), v1::TASK_KILLED);
}

// As systemd ends all that is in a unit.
TEST_P(KillTest, KnowsAHostThatGoesDown) {
  StartAndWait(Command(kPolite));
  std::ofstream(directory_ / "run/host-is-stopping");

  kill(supervisor_->pid(), SIGTERM);
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().state(), v1::TASK_FAILED);
  EXPECT_EQ(LastStatus().reason(), v1::REASON_AGENT_REBOOTED);
  EXPECT_EQ(LastStatus().exit_code(), 3) << "the kernel's fact beside it";
}

}  // namespace
}  // namespace holdfast::shim
