// LaunchTask may be repeated, at once and ever after.

#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

class LaunchTask : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (!IsSkipped()) Register(kFramework);
  }

  // Writes a line into `starts` whenever it is started.
  v1::TaskInfo Counted(const std::string& task_id) {
    return ShellTask(task_id, absl::StrCat("echo started >>", Scratch("starts"),
                                           "; sleep 1000"));
  }
  int CountStarts() {
    std::ifstream file(Scratch("starts"));
    int lines = 0;
    for (std::string line; std::getline(file, line);) ++lines;
    return lines;
  }
};

TEST_F(LaunchTask, AnswersTheSameWhenItIsRepeated) {
  const v1::Task first = Launch(Counted("once"));

  const v1::Task second = Launch(Counted("once"));
  RestartAgent();
  const v1::Task third = Launch(Counted("once"));

  for (const v1::Task& again : {second, third}) {
    EXPECT_EQ(again.container_id(), first.container_id());
    EXPECT_EQ(again.pid(), first.pid());
  }
  EXPECT_TRUE(Eventually([&] { return CountStarts() > 0; }));
  EXPECT_EQ(CountStarts(), 1);
}

TEST_F(LaunchTask, StartsOneProcessHoweverManyAskAtOnce) {
  constexpr int kCallers = 8;
  std::vector<v1::Task> tasks(kCallers);
  std::vector<std::thread> callers;

  for (v1::Task& task : tasks)
    callers.emplace_back([&] { task = Launch(Counted("once")); });
  for (std::thread& caller : callers) caller.join();

  for (const v1::Task& task : tasks) {
    EXPECT_GT(task.pid(), 0);
    EXPECT_EQ(task.pid(), tasks[0].pid());
    EXPECT_EQ(task.container_id(), tasks[0].container_id());
  }
  EXPECT_TRUE(Eventually([&] { return CountStarts() > 0; }));
  EXPECT_EQ(CountStarts(), 1);
}

TEST_F(LaunchTask, OfATaskThatHasEndedStartsNothing) {
  const v1::Task first = Launch(ShellTask("over", "exit 4"));
  ASSERT_TRUE(Eventually([&] { return HasEnded("over"); }));

  const v1::Task again = Launch(ShellTask("over", "exit 4"));

  EXPECT_EQ(again.container_id(), first.container_id());
  EXPECT_EQ(again.state(), v1::TASK_FAILED);
  EXPECT_EQ(again.exit_code(), 4);
}

}  // namespace
}  // namespace holdfast
