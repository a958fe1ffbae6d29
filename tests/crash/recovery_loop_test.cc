// An agent that crashes again and again in the middle of its own recovery:
// nobody is ended by it, and every update comes, once.

#include <stdlib.h>
#include <unistd.h>

#include <random>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

constexpr int kDeaths = 100;
constexpr int kExecutors = 100;
constexpr int kEndWhileAway = 10;  // of these
constexpr double kLongestLifeMs = 200;

class RecoveryLoop : public AgentTest {
 protected:
  RecoveryLoop() {
    const char* text = getenv("HOLDFAST_SEED");
    unsigned seed = static_cast<unsigned>(getpid());
    if (text != nullptr) (void)absl::SimpleAtoi(text, &seed);
    RecordProperty("seed", static_cast<int>(seed));
    random_.seed(seed);
  }

  void LiveForAMoment() {
    ASSERT_TRUE(agent().Spawn().ok());
    absl::SleepFor(absl::Milliseconds(
        std::uniform_real_distribution<>(0, kLongestLifeMs)(random_)));
    KillAgent();
  }

 private:
  std::mt19937 random_;
};

TEST_F(RecoveryLoop, OfAHundredDeathsEndsNobody) {
  Register(kFramework);
  Watch(kFramework);
  const std::string go = Scratch("go");
  std::vector<std::string> living, ending;
  std::vector<v1::Task> tasks;
  for (int i = 0; i < kExecutors; ++i) {
    const bool ends = i < kEndWhileAway;
    std::vector<std::string>& ids = ends ? ending : living;
    ids.push_back(absl::StrCat(ends ? "ending-" : "living-", i));
    const v1::TaskInfo task =
        ends ? ShellTask(ids.back(),
                         absl::StrCat("while ! test -e ", go,
                                      "; do sleep 0.05; done; exit ", i))
             : ShellTask(ids.back(), "exec sleep 1000");
    tasks.push_back(Launch(task));
  }
  AwaitRunning(living);
  AwaitRunning(ending);
  KillAgent();
  WriteFile(go, "");

  for (int death = 0; death < kDeaths; ++death) {
    ASSERT_NO_FATAL_FAILURE(LiveForAMoment());
  }
  RestartAgent();

  for (int i = 0; i < kEndWhileAway; ++i) {
    EXPECT_EQ(AwaitEnd(ending[i]).exit_code(), i);
  }
  for (size_t i = kEndWhileAway; i < tasks.size(); ++i) {
    const v1::Task now = Get(tasks[i].task_id()).task();
    EXPECT_EQ(now.pid(), tasks[i].pid());
    EXPECT_EQ(now.state(), v1::TASK_RUNNING);
    EXPECT_TRUE(now.attached());
  }
  for (const v1::Task& task : tasks) {
    const hack::UpdateLedger::Task told = ledger().Get(task.task_id());
    const bool ended = told.terminal() != nullptr;
    EXPECT_EQ(told.updates.size(), ended ? 2u : 1u) << task.task_id();
    EXPECT_EQ(told.disorders, 0) << task.task_id();
  }
}

}  // namespace
}  // namespace holdfast
