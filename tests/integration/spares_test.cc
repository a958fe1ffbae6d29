// Directories that are made ahead of launches: nobody takes them for
// executors, and they go with the agent or with its next life.

#include <stdio.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "plugin/checkpoint/spare_directory.h"
#include "plugin/launch/spare_pool.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(20);

class Spares : public AgentTest {
 protected:
  std::string Executors() { return agent().work_dir() + "/executors"; }

  size_t CountIn(const std::string& directory) {
    size_t count = 0;
    for (const std::string& name : Must(SystemFiles().List(directory))) {
      if (!IdOfSpare(name).empty()) ++count;
    }
    return count;
  }

  // A sleeper, and the directories that its launch had made for later ones.
  v1::Task LaunchOne() {
    Register(kFramework);
    Watch(kFramework);
    const v1::Task task = Launch(CommandTask("one", {"sleep", "1000"}));
    AwaitRunning({"one"});
    EXPECT_TRUE(Eventually(
        [&] { return CountIn(Executors()) == SparePool::kSize; }, kTimeout));
    return task;
  }
};

TEST_F(Spares, AreNotMadeBeforeThereIsALaunch) {
  Register(kFramework);
  WaitUntilRecovered();

  EXPECT_THAT(Must(SystemFiles().List(Executors())), testing::IsEmpty());
}

TEST_F(Spares, GoWithTheNextLifeAndAreNobodysExecutors) {
  const v1::Task before = LaunchOne();

  RestartAgent();

  EXPECT_TRUE(Eventually(
      [&] {
        return CountIn(Executors()) == 0 &&
               CountIn(agent().runtime_dir() + "/shims") == 0;
      },
      kTimeout));
  const v1::GetRecoveryResponse recovery =
      Must(client().Call(&Stub::GetRecovery, v1::GetRecoveryRequest()));
  EXPECT_EQ(recovery.executors_size(), 1);
  ASSERT_EQ(List().size(), 1u);
  EXPECT_EQ(List()[0].pid(), before.pid());
}

TEST_F(Spares, ServeTheLaunchesThatFollow) {
  LaunchOne();
  std::vector<std::string> task_ids;

  for (int i = 0; i < 40; ++i) {
    task_ids.push_back(absl::StrCat("next-", i));
    Launch(CommandTask(task_ids.back(), {"sleep", "1000"}));
  }

  AwaitRunning(task_ids);
  EXPECT_EQ(List().size(), 41u);
}

// The disk had not got the executor's name when the power went.
TEST_F(Spares, GiveAnExecutorItsNameBack) {
  const v1::Task before = LaunchOne();
  KillAgent();
  const std::string own = Executors() + "/" + before.container_id();
  const std::string spare =
      Executors() + "/" + SpareName(before.container_id());
  ASSERT_EQ(rename(own.c_str(), spare.c_str()), 0);

  StartAgent();
  WaitUntilRecovered();

  const v1::Task now = Get("one").task();
  EXPECT_TRUE(now.attached()) << now.condition();
  EXPECT_EQ(now.container_id(), before.container_id());
  EXPECT_EQ(now.pid(), before.pid());
  EXPECT_TRUE(SystemFiles().List(own).ok());
}

}  // namespace
}  // namespace holdfast
