// An end that was decided and is on disk comes, wherever the agent dies on the
// way: it is killed at one moment after the other, and again in the recovery
// that follows.

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "hack/local_agent/cgroup_sweep.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

constexpr int kSteps = 12;
constexpr absl::Duration kStep = absl::Milliseconds(4);
constexpr int kTasks = 5;

class EndingCrash : public AgentTest {
 protected:
  // Some end at once, some need their grace.
  std::vector<std::string> LaunchSome(int step) {
    Register(kFramework);
    std::vector<std::string> task_ids;
    for (int i = 0; i < kTasks; ++i) {
      const std::string& id =
          task_ids.emplace_back(absl::StrCat("task-", step, "-", i));
      if (i % 2 == 0) {
        LaunchStubborn(id, absl::Milliseconds(20) * i);
      } else {
        Launch(ShellTask(id, "sleep 1000"));
      }
    }
    return task_ids;
  }

  // `step` moments after what was asked, and as many after the next start.
  void DieTwice(int step) {
    absl::SleepFor(step * kStep);
    KillAgent();
    ASSERT_TRUE(agent().Spawn().ok());
    absl::SleepFor(step * kStep);
    KillAgent();
  }

  // Each has ended once, and for this reason, and that was told. (An agent
  // that dies may take the answer to an acknowledgement with it, so the ledger
  // is not asked for those.)
  void ExpectEnds(const std::vector<std::string>& task_ids,
                  v1::TaskStatusReason reason) {
    for (const std::string& id : task_ids) {
      EXPECT_TRUE(Eventually([&] {
        return ledger().Get(id).terminal() != nullptr &&
               Get(id).unacknowledged_uuids().empty();
      })) << id;
      const hack::UpdateLedger::Task told = ledger().Get(id);
      ASSERT_EQ(told.updates.size(), 2u) << id;
      EXPECT_EQ(told.terminal()->reason(), reason) << id;
      EXPECT_EQ(told.disorders, 0) << id;
    }
    EXPECT_TRUE(Eventually(
        [&] { return hack::ProcessesBelow(agent().cgroups_root()).empty(); }));
  }
};

TEST_F(EndingCrash, OfAFrameworkIsCompleted) {
  const std::string record = absl::StrCat(
      agent().work_dir(), "/meta/frameworks/", kFramework, ".record");
  v1::TeardownFrameworkRequest request;
  request.set_framework_id(kFramework);
  for (int step = 0; step < kSteps; ++step) {
    LaunchSome(step);
    Must(client().Call(&Stub::TeardownFramework, request));

    DieTwice(step);
    RestartAgent();

    EXPECT_TRUE(Eventually([&] { return access(record.c_str(), F_OK) != 0; }))
        << step;
    EXPECT_THAT(List(), testing::IsEmpty()) << step;
    EXPECT_THAT(hack::ProcessesBelow(agent().cgroups_root()),
                testing::IsEmpty());
  }
}

TEST_F(EndingCrash, OfADrainedAgentsTasksIsCompleted) {
  Register(kFramework);
  Watch(kFramework);
  for (int step = 0; step < kSteps; ++step) {
    const std::vector<std::string> task_ids = LaunchSome(step);
    AwaitRunning(task_ids);
    Must(client().Call(&Stub::Drain, v1::DrainRequest()));

    DieTwice(step);
    RestartAgent();

    ExpectEnds(task_ids, v1::REASON_AGENT_DRAINED);
    EXPECT_TRUE(Eventually([&] {
      return Info().drain_state() == v1::GetAgentResponse::DRAINED;
    })) << step;
    Must(client().Call(&Stub::Undrain, v1::UndrainRequest()));
  }
}

TEST_F(EndingCrash, OfAnAgentThatWasShutDownIsCompleted) {
  Register(kFramework);
  Watch(kFramework);
  for (int step = 0; step < kSteps; ++step) {
    const std::vector<std::string> task_ids = LaunchSome(step);
    AwaitRunning(task_ids);
    v1::ShutdownRequest request;
    request.set_agent_id(Info().agent().agent_id());
    Must(client().Call(&Stub::Shutdown, request));

    DieTwice(step);
    RestartAgent();

    ExpectEnds(task_ids, v1::REASON_AGENT_REMOVED);
    RestartAgent();
    EXPECT_NE(Info().agent().agent_id(), request.agent_id()) << step;
    EXPECT_FALSE(Info().shut_down()) << step;
  }
}

TEST_F(EndingCrash, OfACleanupIsCompletedByTheNext) {
  Register(kFramework);
  Watch(kFramework);
  for (int step = 0; step < kSteps; ++step) {
    const std::vector<std::string> task_ids = LaunchSome(step);
    AwaitRunning(task_ids);
    KillAgent();
    agent().SetFlags({"--recover=cleanup"});
    ASSERT_TRUE(agent().Spawn().ok());

    absl::SleepFor(2 * step * kStep);
    KillAgent();
    ASSERT_TRUE(agent().Spawn().ok());
    EXPECT_EQ(AwaitAgentsEnd(), "exited 0") << step;
    EXPECT_THAT(hack::ProcessesBelow(agent().cgroups_root()),
                testing::IsEmpty());
    agent().SetFlags({});
    RestartAgent();

    ExpectEnds(task_ids, v1::REASON_AGENT_CLEANUP);
  }
}

}  // namespace
}  // namespace holdfast
