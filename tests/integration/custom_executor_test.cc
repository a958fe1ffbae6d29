// An executor with several tasks (hack/examples/multi_task_executor.cc), which
// itself has no recovery code.

#include <signal.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

class CustomExecutor : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    Register(kFramework);
    Watch(kFramework);
  }

  static v1::TaskInfo TaskOf(const std::string& executor_id,
                             const std::string& task_id,
                             const std::string& line) {
    v1::TaskInfo task;
    task.set_task_id(task_id);
    task.set_data(line);
    task.mutable_executor()->set_executor_id(executor_id);
    task.mutable_executor()->mutable_command()->set_value(
        MULTI_TASK_EXECUTOR_BINARY);
    return task;
  }
};

TEST_F(CustomExecutor, IsTheSameAfterTheAgentWasKilled) {
  const std::string cue = Scratch("cue");
  const std::string line = "while ! [ -e " + cue + " ]; do sleep 0.02; done; ";
  const v1::Task first = Launch(TaskOf("many", "finishes", line + "exit 0"));
  Launch(TaskOf("many", "fails", line + "exit 3"));
  Launch(TaskOf("many", "lives", "sleep 1000"));
  AwaitRunning({"finishes", "fails", "lives"});

  KillAgent();
  WriteFile(cue, "");
  RestartAgent();

  EXPECT_EQ(AwaitEnd("finishes").state(), v1::TASK_FINISHED);
  EXPECT_EQ(AwaitEnd("fails").state(), v1::TASK_FAILED);
  EXPECT_EQ(Get("lives").task().pid(), first.pid());
  for (const char* id : {"finishes", "fails", "lives"}) {
    EXPECT_EQ(Get(id).task().container_id(), first.container_id()) << id;
    EXPECT_EQ(ledger().Get(id).disorders, 0) << id;
  }
  EXPECT_EQ(ledger().Get("finishes").updates.size(), 2u);
  EXPECT_EQ(ledger().Get("lives").updates.size(), 1u);
}

TEST_F(CustomExecutor, TakesATaskThatIsLaunchedAfterTheRestart) {
  const v1::Task first = Launch(TaskOf("many", "before", "sleep 1000"));
  RestartAgent();

  const v1::Task second = Launch(TaskOf("many", "after", "sleep 1000"));

  EXPECT_EQ(second.pid(), first.pid());
  EXPECT_EQ(second.container_id(), first.container_id());
  AwaitRunning({"before", "after"});
}

TEST_F(CustomExecutor, LosesOnlyTheTaskThatIsKilled) {
  const v1::Task first = Launch(TaskOf("many", "killed", "sleep 1000"));
  Launch(TaskOf("many", "lives", "sleep 1000"));
  AwaitRunning({"killed", "lives"});
  RestartAgent();

  ASSERT_TRUE(Kill("killed").ok());

  EXPECT_EQ(AwaitEnd("killed").state(), v1::TASK_KILLED);
  EXPECT_EQ(Get("lives").task().state(), v1::TASK_RUNNING);
  EXPECT_EQ(Get("lives").task().pid(), first.pid());
}

TEST_F(CustomExecutor, TakesItsTasksWithItWhenItDies) {
  const v1::Task first = Launch(TaskOf("many", "one", "sleep 1000"));
  Launch(TaskOf("many", "two", "sleep 1000"));
  AwaitRunning({"one", "two"});

  ProcessWatch(first.pid()).Kill(SIGKILL);

  for (const char* id : {"one", "two"}) {
    EXPECT_EQ(AwaitEnd(id).state(), v1::TASK_FAILED);
    EXPECT_EQ(AwaitEnd(id).reason(), v1::REASON_EXECUTOR_TERMINATED);
    EXPECT_EQ(ledger().Get(id).updates.size(), 2u);
  }
}

// The agent would grow for as long as an executor lives that gets ever more
// tasks, and be the slower for each of them.
TEST_F(CustomExecutor, IsForgottenWhatItDidLongAgo) {
  constexpr int kTasks = 240;
  Launch(TaskOf("many", "lives", "sleep 1000"));

  for (int i = 0; i < kTasks; ++i) {
    const std::string id = absl::StrCat("t-", i);
    Launch(TaskOf("many", id, "exit 0"));
    ASSERT_EQ(AwaitEnd(id).state(), v1::TASK_FINISHED) << id;
    EXPECT_EQ(ledger().Get(id).updates.size(), 2u) << id;
    EXPECT_EQ(ledger().Get(id).disorders, 0) << id;
  }

  EXPECT_LT(List().size(), size_t{kTasks});
  EXPECT_GT(List().size(), 200u) << "the last 200, and what lives";
  EXPECT_EQ(Get(absl::StrCat("t-", kTasks - 1)).task().state(),
            v1::TASK_FINISHED);
  EXPECT_EQ(Get("lives").task().state(), v1::TASK_RUNNING);
  // Its name alone names another one from now on.
  Register("others");
  Launch(ShellTask("t-0", "sleep 1000"), "others");
  EXPECT_EQ(Get("t-0").task().framework_id(), "others");
}

}  // namespace
}  // namespace holdfast
