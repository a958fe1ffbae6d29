// Two plugins on one host, each with directories and a cgroup root of its own.

#include "hack/local_agent/processes.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

class TwoAgents : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    other_ = Must(hack::LocalAgent::Create(
        {.name = "holdfast-test-other", .bin_dir = HOLDFAST_BIN_DIR}));
    const absl::Status started = other_->Start();
    ASSERT_TRUE(started.ok()) << started;
  }

  // The same framework and the same task id as the first agent has.
  v1::Task LaunchAtOther(const v1::TaskInfo& task) {
    v1::RegisterFrameworkRequest request;
    request.mutable_framework()->set_framework_id(kFramework);
    request.mutable_framework()->set_checkpoint(true);
    Must(other_->client().Call(&Stub::RegisterFramework, request));
    return Must(other_->client().Call(&Stub::LaunchTask,
                                      LaunchOf(task, kFramework)))
        .task();
  }

  std::unique_ptr<hack::LocalAgent> other_;
};

TEST_F(TwoAgents, OnOneHostLeaveEachOtherAlone) {
  Register(kFramework);
  const v1::TaskInfo task = CommandTask("t-1", {"sleep", "1000"});
  const v1::Task ours = Launch(task);
  const v1::Task theirs = LaunchAtOther(task);
  ASSERT_NE(ours.pid(), theirs.pid());

  KillAgent();
  ASSERT_TRUE(other_->KillHard().ok());
  other_->SetFlags({"--recover=cleanup"});
  ASSERT_TRUE(other_->Spawn().ok());
  EXPECT_EQ(Must(other_->WaitForEnd(absl::Seconds(20))), "exited 0");
  RestartAgent();

  EXPECT_TRUE(hack::ProcessesNaming(other_->directory()).empty())
      << "what was the other's has ended";
  EXPECT_EQ(Get("t-1").task().pid(), ours.pid());
  EXPECT_TRUE(Get("t-1").task().attached());
}

}  // namespace
}  // namespace holdfast
