// One shim that hangs among many: the others are attached without it, and it
// is shown, left alone, and attached when it wakes.

#include <signal.h>

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

constexpr int kExecutors = 300;

class HungShim : public AgentTest {
 protected:
  size_t CountAttached() {
    const std::vector<v1::Task> tasks = List();
    return static_cast<size_t>(
        std::count_if(tasks.begin(), tasks.end(),
                      [](const v1::Task& task) { return task.attached(); }));
  }
};

TEST_F(HungShim, AmongManyDelaysNobodyAndIsNotEnded) {
  Register(kFramework);
  Watch(kFramework);
  std::vector<std::string> task_ids;
  for (int i = 0; i < kExecutors; ++i) {
    task_ids.push_back(absl::StrCat("sleeper-", i));
    Launch(CommandTask(task_ids.back(), {"sleep", "1000"}));
  }
  AwaitRunning(task_ids);
  const v1::Task hung = Get("sleeper-150").task();
  const ProcessWatch shim(hung.shim_pid()), executor(hung.pid());
  shim.Kill(SIGSTOP);

  KillAgent();
  StartAgent();
  EXPECT_TRUE(Eventually([&] { return CountAttached() == kExecutors - 1; }));
  const bool decided_without_it = Info().recovering();
  WaitUntilRecovered();

  EXPECT_TRUE(decided_without_it) << "the others did not wait for its patience";
  EXPECT_EQ(DecisionOn(hung.container_id()).decision(),
            v1::GetRecoveryResponse::UNATTACHED);
  EXPECT_FALSE(Get("sleeper-150").task().attached());
  EXPECT_TRUE(executor.Runs());
  shim.Kill(SIGCONT);
  EXPECT_TRUE(Eventually([&] { return CountAttached() == kExecutors; }));
  EXPECT_EQ(Get("sleeper-150").task().pid(), hung.pid());
  EXPECT_EQ(Get("sleeper-150").task().shim_pid(), hung.shim_pid());
}

}  // namespace
}  // namespace holdfast
