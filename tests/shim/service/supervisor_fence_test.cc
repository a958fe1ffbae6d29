#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "api/time_convert.h"
#include "tests/shim/service/supervisor_fixture.h"

// Ends that nobody asked for: the agent does not come back.

namespace holdfast::shim {
namespace {

using ::testing::HasSubstr;

class SupervisorFenceTest : public SupervisorTest {
 protected:
  bool IsRunning() { return supervisor_->phase() == Phase::kRunning; }
  v1::Intent WithoutCheckpoint(const std::string& script) const {
    v1::Intent intent = Command(script);
    intent.set_checkpoint(false);
    return intent;
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, SupervisorFenceTest, kAllModes, ModeName);

TEST_P(SupervisorFenceTest, EndsAnExecutorWhoseAgentNeverCame) {
  ASSERT_TRUE(Start(Command("exec sleep 1000")).ok());

  Jump(absl::Minutes(15) - absl::Seconds(10));
  EXPECT_TRUE(IsRunning());
  Jump(absl::Seconds(10));
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().state(), v1::TASK_FAILED);
  EXPECT_EQ(LastStatus().reason(), v1::REASON_RECOVERY_TIMEOUT);
  EXPECT_EQ(LastStatus().signal(), SIGTERM);
  ASSERT_TRUE(facts().fenced.has_value());
  EXPECT_EQ(FromProto(facts().fenced->recovery_timeout()), absl::Minutes(15));
  EXPECT_EQ(kills_.size(), 1u) << "a custom executor would be told";
}

TEST_P(SupervisorFenceTest, GivesTheExecutorItsGracePeriod) {
  ASSERT_TRUE(Start(Command("trap '' TERM; echo ready;"
                            "while :; do sleep 0.05; done"))
                  .ok());
  ASSERT_TRUE(RunUntilOutput("ready"));

  Jump(absl::Minutes(15));
  Jump(absl::Seconds(50));
  EXPECT_EQ(supervisor_->phase(), Phase::kKilling);
  Jump(absl::Seconds(10));
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().signal(), SIGKILL);
}

TEST_P(SupervisorFenceTest, LetsAnExecutorRunWhoseAgentIsThere) {
  ASSERT_TRUE(Start(Command("exec sleep 1000")).ok());

  supervisor_->AgentAttached("life-1");
  Jump(absl::Hours(24));

  EXPECT_TRUE(IsRunning());
  EXPECT_EQ(CountRecords(v1::JournalRecord::kAttached), 0)
      << "the first attach is no news";
}

TEST_P(SupervisorFenceTest, WritesDownThatTheAgentWentAndCameBack) {
  ASSERT_TRUE(Start(Command("exec sleep 1000")).ok());
  supervisor_->AgentAttached("life-1");

  supervisor_->AgentLost();
  supervisor_->AgentLost();
  EXPECT_EQ(CountRecords(v1::JournalRecord::kDetached), 1);
  EXPECT_FALSE(facts().attached);
  supervisor_->AgentAttached("life-2");
  Jump(absl::Seconds(1));

  EXPECT_EQ(CountRecords(v1::JournalRecord::kAttached), 1);
  EXPECT_EQ(records_.back().attached().agent_incarnation(), "life-2");
  EXPECT_TRUE(facts().attached);
}

TEST_P(SupervisorFenceTest, WaitsForNoDiskWhileOthersAttach) {
  ASSERT_TRUE(Start(Command("exec sleep 1000")).ok());
  supervisor_->AgentAttached("life-1");
  supervisor_->AgentLost();

  supervisor_->AgentAttached("life-2");
  EXPECT_EQ(CountRecords(v1::JournalRecord::kAttached), 0);
  supervisor_->AgentLost();
  Jump(absl::Seconds(1));

  EXPECT_EQ(CountRecords(v1::JournalRecord::kAttached), 0)
      << "it had gone before";
  EXPECT_EQ(CountRecords(v1::JournalRecord::kDetached), 1);
  EXPECT_FALSE(facts().attached);
}

TEST_P(SupervisorFenceTest, CountsFromTheLossOfTheAgent) {
  ASSERT_TRUE(Start(Command("exec sleep 1000")).ok());
  supervisor_->AgentAttached("life-1");
  Jump(absl::Hours(1));

  supervisor_->AgentLost();
  Jump(absl::Minutes(14));
  EXPECT_TRUE(IsRunning());
  Jump(absl::Minutes(1));

  EXPECT_TRUE(RunUntilOver());
}

TEST_P(SupervisorFenceTest, HoldsByATimeoutThatWasChanged) {
  ASSERT_TRUE(Start(Command("exec sleep 1000")).ok());
  supervisor_->AgentAttached("life-1");
  ASSERT_TRUE(ConfigureTimeout(absl::Seconds(30)).ok());
  EXPECT_EQ(FromProto(facts().limits->recovery_timeout()), absl::Seconds(30));

  supervisor_->AgentLost();
  Jump(absl::Seconds(30));
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(FromProto(facts().fenced->recovery_timeout()), absl::Seconds(30));
  EXPECT_THAT(LastStatus().message(), HasSubstr("(30s)"));
}

TEST_P(SupervisorFenceTest, NeverFallsWithoutATimeout) {
  v1::Intent intent = Command("exec sleep 1000");
  intent.clear_recovery_timeout();
  ASSERT_TRUE(Start(intent).ok());

  Jump(absl::Hours(24 * 365));

  EXPECT_TRUE(IsRunning());
}

TEST_P(SupervisorFenceTest, EndsOneWithoutCheckpointAsSoonAsItsAgentIsGone) {
  ASSERT_TRUE(Start(WithoutCheckpoint("exec sleep 1000")).ok());
  supervisor_->AgentAttached("life-1");

  supervisor_->AgentLost();
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().state(), v1::TASK_FAILED);
  EXPECT_EQ(LastStatus().reason(), v1::REASON_AGENT_ENDED);
  EXPECT_FALSE(facts().fenced.has_value());
}

TEST_P(SupervisorFenceTest, GivesTheAgentOfOneWithoutCheckpointTimeToAttach) {
  ASSERT_TRUE(Start(WithoutCheckpoint("exec sleep 1000")).ok());

  Jump(absl::Seconds(5));
  EXPECT_TRUE(IsRunning());
  supervisor_->AgentAttached("life-1");
  Jump(absl::Hours(1));

  EXPECT_TRUE(IsRunning());
}

TEST_P(SupervisorFenceTest, EndsOneWithoutCheckpointWhoseAgentDiedTooSoon) {
  ASSERT_TRUE(Start(WithoutCheckpoint("exec sleep 1000")).ok());

  // Its connection broke before it had attached.
  supervisor_->AgentLost();
  ASSERT_TRUE(RunUntilOver());

  EXPECT_EQ(LastStatus().reason(), v1::REASON_AGENT_ENDED);
}

TEST_P(SupervisorFenceTest, DoesNotFallOnceTheExecutorIsOver) {
  ASSERT_TRUE(Start(Command("exit 0")).ok());
  ASSERT_TRUE(RunUntilOver());
  const size_t told = records_.size();

  supervisor_->AgentLost();
  supervisor_->AgentAttached("life-2");
  Jump(absl::Hours(1));

  EXPECT_EQ(records_.size(), told);
}

}  // namespace
}  // namespace holdfast::shim
