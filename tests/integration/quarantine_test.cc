// --strict=false: what is set aside, and what never is.

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "plugin/checkpoint/agent_store.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using Report = v1::GetRecoveryResponse;

class Quarantine : public AgentTest {
 protected:
  Quarantine() : AgentTest({"--strict=false"}) {}

  Layout layout() { return {agent().work_dir(), agent().runtime_dir()}; }
  Report Recovery() {
    return Must(client().Call(&Stub::GetRecovery, v1::GetRecoveryRequest()));
  }
  // The agent's own record, while no agent runs.
  std::string SetAgentId(const std::string& agent_id) {
    const auto store = Must(AgentStore::Open(SystemFiles(), layout()));
    v1::AgentRecord record = Must(store->LoadAgent());
    const std::string before = record.agent().agent_id();
    record.mutable_agent()->set_agent_id(agent_id);
    EXPECT_TRUE(store->SaveAgent(record).ok());
    return before;
  }
  bool IsDirectory(const std::string& path) {
    return SystemFiles().List(path).ok();
  }
};

TEST_F(Quarantine, NeverTakesAnExecutorWhoseShimRefusesTheAgent) {
  Register(kFramework);
  const v1::Task task = Launch(ShellTask("kept", "sleep 1000"));
  const ProcessWatch executor(task.pid());
  KillAgent();
  const std::string agent_id = SetAgentId("another");

  RestartAgent();
  const Report refused = Recovery();
  KillAgent();
  SetAgentId(agent_id);
  RestartAgent();

  ASSERT_EQ(refused.executors_size(), 1);
  EXPECT_EQ(refused.executors(0).decision(), Report::UNATTACHED);
  EXPECT_FALSE(IsDirectory(layout().Quarantine()));
  EXPECT_TRUE(executor.Runs());
  EXPECT_TRUE(Get("kept").task().attached());
}

class DamagedFramework : public Quarantine {
 protected:
  // Writes over the record of kFramework while no agent runs.
  void Damage() {
    ASSERT_TRUE(ReplaceFile(SystemFiles(), layout().FrameworkRecord(kFramework),
                            "no record at all")
                    .ok());
  }
  void TearDown() override {
    // What was set aside is this test's to remove.
    if (IsSkipped()) return;
    EXPECT_TRUE(RemoveTree(layout().Quarantine()).ok());
    Quarantine::TearDown();
  }
};

TEST_F(DamagedFramework, IsSetAsideAndToldOnce) {
  Register(kFramework);
  const v1::Task task = Launch(ShellTask("kept", "sleep 1000"));
  KillAgent();
  Damage();

  RestartAgent();
  const Report first = Recovery();
  RestartAgent();
  const Report second = Recovery();

  const std::string aside = absl::StrCat(layout().QuarantinedFrameworks(), "/",
                                         kFramework, ".record");
  ASSERT_EQ(first.damage_size(), 1);
  EXPECT_EQ(first.damage(0).file(), layout().FrameworkRecord(kFramework));
  EXPECT_THAT(first.damage(0).cure(), HasSubstr(aside));
  EXPECT_EQ(Must(ReadSmallFile(aside)), "no record at all");
  EXPECT_THAT(AgentLog(), HasSubstr(aside));
  EXPECT_THAT(second.damage(), IsEmpty());
}

TEST_F(DamagedFramework, CostsItsExecutorsNothing) {
  Register(kFramework);
  const v1::Task task = Launch(ShellTask("kept", "sleep 1000"));
  const ProcessWatch executor(task.pid());
  KillAgent();
  Damage();

  RestartAgent();

  EXPECT_TRUE(executor.Runs());
  EXPECT_EQ(Get("kept").task().pid(), task.pid());
  EXPECT_TRUE(Get("kept").task().attached());
  // The framework is one as before, also before it registers again.
  Watch(kFramework);
  AwaitRunning({"kept"});
  Launch(ShellTask("new", "sleep 1000"));
  EXPECT_TRUE(Kill("kept").ok());
  EXPECT_EQ(AwaitEnd("kept").state(), v1::TASK_KILLED);
}

TEST_F(DamagedFramework, LeavesReconcileSureOfWhatWasNeverStarted) {
  Register(kFramework);
  Launch(ShellTask("kept", "sleep 1000"));
  KillAgent();
  Damage();
  RestartAgent();

  v1::ReconcileRequest request;
  request.set_framework_id(kFramework);
  request.add_task_ids("never launched");
  const auto response = Must(client().Call(&Stub::Reconcile, request));

  ASSERT_EQ(response.rows_size(), 1);
  EXPECT_EQ(response.rows(0).answer(), v1::ReconcileResponse::NEVER_STARTED);
}

}  // namespace
}  // namespace holdfast
