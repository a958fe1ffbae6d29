// What an agent does with all of its executors, wherever it or one of their
// shims dies on the way.

#include <signal.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "tests/crash/death_fixture.h"

namespace holdfast {
namespace {

class AgentDeath : public DeathTest {
 protected:
  void LaunchSleeper() {
    LaunchAtRest(CommandTask(TaskId(), {"sleep", "1000"}));
  }
  size_t Acknowledged() { return ledger().Get(TaskId()).acknowledged; }

  template <typename Request, typename Method>
  absl::Status Ask(Method method, const Request& request) {
    return client().Call(method, request).status();
  }
  v1::GetAgentResponse::DrainState DrainState() {
    const auto info = client().Call(&Stub::GetAgent, v1::GetAgentRequest());
    return info.ok() ? info->drain_state()
                     : v1::GetAgentResponse::DRAIN_STATE_UNSPECIFIED;
  }
  bool IsDrained() { return DrainState() == v1::GetAgentResponse::DRAINED; }

  // Leaves only when all have ended.
  void CleanUp() {
    agent().SetFlags({"--recover=cleanup"});
    ASSERT_TRUE(agent().Spawn().ok());
    const std::string left = AwaitLeave();
    EXPECT_TRUE(Died() || left == "exited 0") << left;
  }
  std::string RecordOf(const std::string& framework_id) {
    return absl::StrCat(agent().work_dir(), "/meta/frameworks/", framework_id,
                        ".record");
  }
  // Its record is gone before that, with a step in between that it may die at.
  // Of a known one, this task was never started.
  bool IsForgotten(const std::string& framework_id) {
    v1::ReconcileRequest request;
    request.set_framework_id(framework_id);
    request.add_task_ids("another");
    const auto answer = client().Call(&Stub::Reconcile, request);
    return answer.ok() &&
           answer->rows(0).answer() == v1::ReconcileResponse::UNKNOWN_HERE;
  }
};

TEST_F(AgentDeath, OfAnAttachmentCostsNoExecutor) {
  DieEverywhere({
      .prepare = [&] { LaunchSleeper(); },
      .act =
          [&] {
            KillAgent();
            StartUnderThreat();
            // That it was away, and that it is back.
            Await([&] {
              return HasRecovered() &&
                     TimesReached({"holdfast-shim", "RecordDurable"}) == 2;
            });
          },
  });
}

// strict=false: it goes aside, and its executors' journals replace it.
TEST_F(AgentDeath, OfADamagedRecordsQuarantineCostsNoExecutor) {
  const std::string quarantine = agent().work_dir() + "/quarantine";
  DieEverywhere({
      .prepare =
          [&] {
            LaunchSleeper();
            KillAgent();
            WriteFile(RecordOf(kFramework), "damaged");
            agent().SetFlags({"--strict=false"});
          },
      .act =
          [&] {
            StartUnderThreat();
            Await([&] {
              return HasRecovered() &&
                     TimesReached({"holdfastd", "RecordSaved"});
            });
          },
      .resume =
          [&] {
            agent().SetFlags({});
            Recover();
            EXPECT_FALSE(std::filesystem::is_empty(quarantine));
            EXPECT_TRUE(RemoveTree(quarantine).ok());
          },
  });
}

TEST_F(AgentDeath, OfAnAdoptionCostsNoExecutor) {
  v1::Task before;
  DieEverywhere({
      .prepare =
          [&] {
            LaunchSleeper();
            before = Get(TaskId()).task();
          },
      .act =
          [&] {
            ProcessWatch(before.shim_pid()).Kill(SIGKILL);
            Await([&] {
              const auto now = witness().Find(TaskId());
              return now && now->attached() &&
                     now->shim_pid() != before.shim_pid();
            });
          },
  });
}

TEST_F(AgentDeath, OfADrainLeavesItDoneOrNotBegun) {
  DieEverywhere({
      .prepare = [&] { LaunchSleeper(); },
      .act =
          [&] {
            (void)witness().EndAll(v1::REASON_AGENT_DRAINED, [&] {
              return Ask(&Stub::Drain, v1::DrainRequest());
            });
            Await([&] { return IsDrained(); });
            if (!Died()) (void)Ask(&Stub::Undrain, v1::UndrainRequest());
          },
      .resume =
          [&] {
            Recover();
            if (DrainState() != v1::GetAgentResponse::DRAIN_STATE_UNSPECIFIED) {
              EXPECT_TRUE(Eventually([&] { return IsDrained(); }));
            }
            EXPECT_TRUE(Ask(&Stub::Undrain, v1::UndrainRequest()).ok());
          },
  });
}

TEST_F(AgentDeath, OfAShutdownLeavesItDoneOrNotBegun) {
  v1::ShutdownRequest request;
  DieEverywhere({
      .prepare =
          [&] {
            LaunchSleeper();
            request.set_agent_id(Info().agent().agent_id());
          },
      .act =
          [&] {
            (void)witness().EndAll(v1::REASON_AGENT_REMOVED, [&] {
              return Ask(&Stub::Shutdown, request);
            });
            Await([&] { return Acknowledged() == 2; });
          },
      .resume =
          [&] {
            Recover();
            if (!Info().shut_down()) return;
            const std::string former = Info().agent().agent_id();
            EXPECT_TRUE(Eventually([&] { return witness().AllOver(); }));
            RestartAgent();
            EXPECT_NE(Info().agent().agent_id(), former);
          },
  });
}

TEST_F(AgentDeath, OfATeardownLeavesItDoneOrNotBegun) {
  DieEverywhere({
      .prepare = [&] { LaunchSleeper(); },
      .act =
          [&] {
            (void)witness().TearDown(kFramework);
            Await([&] { return IsForgotten(kFramework); });
          },
      .resume =
          [&] {
            Recover();
            // Refused for as long as it is under way.
            v1::RegisterFrameworkRequest request;
            request.mutable_framework()->set_framework_id(kFramework);
            request.mutable_framework()->set_checkpoint(true);
            EXPECT_TRUE(Eventually(
                [&] { return Ask(&Stub::RegisterFramework, request).ok(); }));
            StopWatching();
            Watch(kFramework);
          },
  });
}

TEST_F(AgentDeath, OfACleanupIsMadeUpForByTheNext) {
  DieEverywhere({
      .prepare = [&] { LaunchSleeper(); },
      .act =
          [&] {
            (void)witness().EndAll(v1::REASON_AGENT_CLEANUP, [&] {
              KillAgent();
              CleanUp();
              return Died() ? absl::UnavailableError("") : absl::OkStatus();
            });
          },
      .resume =
          [&] {
            if (agent().pid() != 0) {  // a shim died, and it goes on
              EXPECT_EQ(AwaitAgentsEnd(), "exited 0");
            } else {
              CleanUp();
            }
            agent().SetFlags({});
            Recover();
          },
  });
}

TEST_F(AgentDeath, OfAStopCostsNoExecutor) {
  DieEverywhere({
      .prepare = [&] { LaunchSleeper(); },
      .act =
          [&] {
            EXPECT_TRUE(agent().Signal(SIGTERM).ok());
            const std::string left = AwaitLeave();
            EXPECT_TRUE(Died() || left == "exited 0") << left;
          },
      .resume =
          [&] {
            // One whose shim died goes on with its end.
            if (agent().pid() != 0) {
              EXPECT_EQ(AwaitAgentsEnd(), "exited 0");
            }
            Recover();
          },
  });
}

}  // namespace
}  // namespace holdfast
