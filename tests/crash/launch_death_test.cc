// Launches, wherever agent or shim die on the way.

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "plugin/checkpoint/spare_directory.h"
#include "tests/crash/death_fixture.h"

namespace holdfast {
namespace {

class LaunchDeath : public DeathTest {
 protected:
  size_t CountSpares() {
    size_t count = 0;
    for (const std::string& name :
         Must(SystemFiles().List(agent().work_dir() + "/executors"))) {
      if (!IdOfSpare(name).empty()) ++count;
    }
    return count;
  }
  v1::TaskInfo Sleeper() { return CommandTask(TaskId(), {"sleep", "1000"}); }

  // An agent that has launched nothing has made no directories ahead.
  void PrepareWithoutSpares() {
    if (CountSpares() > 0) RestartAgent();
    Register(kFramework);
    Watch(kFramework);
  }
  void PrepareWithSpares() {
    LaunchAtRest(
        CommandTask(absl::StrCat(TaskId(), "-before"), {"sleep", "1000"}));
    EXPECT_TRUE(Eventually([&] {
      return CountSpares() > 0 &&
             (TimesReached({"holdfastd", "SpareMade"}) == 0 ||
              TimesReached({"holdfastd", "SparesSynced"}) > 0);
    }));
    AwaitRest();
  }
  size_t Acknowledged(const v1::TaskInfo& task) {
    return ledger().Get(task.task_id()).acknowledged;
  }
  void LaunchAndAwait(const v1::TaskInfo& task, size_t updates) {
    (void)witness().Launch(task, kFramework);  // the answer is noted
    Await([&] { return Acknowledged(task) == updates; });
  }
  // Of one executor in each round.
  v1::TaskInfo TaskOf(const std::string& program, const std::string& name,
                      const std::string& data) {
    v1::TaskInfo task;
    task.set_task_id(absl::StrCat(TaskId(), "-", name));
    task.set_data(data);
    task.mutable_executor()->set_executor_id(TaskId());
    task.mutable_executor()->mutable_command()->set_value(program);
    return task;
  }
};

TEST_F(LaunchDeath, LeavesAnExecutorThatRunsOrNothing) {
  DieEverywhere({
      .prepare = [&] { PrepareWithoutSpares(); },
      .act =
          [&] {
            LaunchAndAwait(Sleeper(), 1);
            Await([&] { return TimesReached({"holdfastd", "SparesSynced"}); });
          },
  });
}

TEST_F(LaunchDeath, LeavesTheSameOfOneInADirectoryMadeAhead) {
  DieEverywhere({
      .prepare = [&] { PrepareWithSpares(); },
      .act = [&] { LaunchAndAwait(Sleeper(), 1); },
  });
}

// The agent has died with the intent on disk and no name yet.
TEST_F(LaunchDeath, LeavesNothingWhereTheNextLifeDiesToo) {
  DieEverywhere({
      .prepare =
          [&] {
            PrepareWithSpares();
            Threaten({"holdfastd", "LaunchIntended"});
            EXPECT_FALSE(witness().Launch(Sleeper(), kFramework).ok());
            EXPECT_EQ(AwaitAgentsEnd(), "killed by signal 9");
          },
      .act =
          [&] {
            StartUnderThreat();
            Await([&] {
              return HasRecovered() && TimesReached({"holdfastd", "Removed"});
            });
          },
  });
}

// A custom executor, a second task of it, and that one's end.
TEST_F(LaunchDeath, OfATaskOfACustomExecutorLosesNoTask) {
  const auto task = [this](const std::string& name) {
    return TaskOf(MULTI_TASK_EXECUTOR_BINARY, name, "exec sleep 1000");
  };
  DieEverywhere({
      .prepare =
          [&] {
            Register(kFramework);
            Watch(kFramework);
          },
      .act =
          [&] {
            LaunchAndAwait(task("first"), 1);
            if (!Died()) LaunchAndAwait(task("second"), 1);
            if (Died()) return;
            (void)witness().Kill(task("second").task_id());
            Await([&] { return Acknowledged(task("second")) == 2; });
          },
  });
}

// A journal that is full of what was acknowledged, and then grows.
TEST_F(LaunchDeath, OfATaskThatSaysMuchLosesNoUpdate) {
  DieEverywhere({
      .prepare =
          [&] {
            const auto former = TaskOf(TALKING_EXECUTOR_BINARY, "former", "6");
            LaunchAtRest(former);
            EXPECT_TRUE(Eventually([&] { return Acknowledged(former) == 6; }));
          },
      .act =
          [&] {
            LaunchAndAwait(TaskOf(TALKING_EXECUTOR_BINARY, "latter", "2"), 2);
          },
  });
}

}  // namespace
}  // namespace holdfast
