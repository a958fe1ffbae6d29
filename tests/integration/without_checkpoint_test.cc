// A framework with checkpoint=false: its executors end with the agent, and
// what outlives the agent has never heard of them.

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "hack/local_agent/cgroup_sweep.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

constexpr char kPlain[] = "plain-framework";

class WithoutCheckpoint : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (!IsSkipped()) Register(kPlain, /*checkpoint=*/false);
  }

  // Files whose name or content has `text`.
  static std::vector<std::string> Mentions(const std::string& directory,
                                           const std::string& text) {
    std::vector<std::string> found;
    std::error_code error;
    do {  // from the beginning, when something was removed on the way
      found.clear();
      for (fs::recursive_directory_iterator entry(directory, error), end;
           !error && entry != end; entry.increment(error)) {
        std::ostringstream content;
        if (entry->is_regular_file())
          content << std::ifstream(entry->path()).rdbuf();
        if (absl::StrContains(entry->path().string(), text) ||
            absl::StrContains(content.str(), text)) {
          found.push_back(entry->path().string());
        }
      }
    } while (error == std::errc::no_such_file_or_directory);
    return found;
  }
};

TEST_F(WithoutCheckpoint, ExecutorsEndWithTheKilledAgent) {
  std::vector<ProcessWatch> processes;
  for (int i = 0; i < 5; ++i) {
    const v1::Task task = Launch(
        ShellTask("plain-" + std::to_string(i), "sleep 1000 & sleep 1000"),
        kPlain);
    processes.emplace_back(task.pid());
    processes.emplace_back(task.shim_pid());
  }

  KillAgent();

  for (const ProcessWatch& process : processes)
    process.WaitForEnd(absl::Seconds(10));
  EXPECT_TRUE(Eventually(
      [&] { return hack::ProcessesBelow(agent().cgroups_root()).empty(); }));
}

TEST_F(WithoutCheckpoint, OneThatIgnoresSigtermEndsAfterItsGrace) {
  const std::string ready = Scratch("ready");
  const v1::Task task = Launch(
      WithGrace(ShellTask("stubborn", "trap '' TERM; touch " + ready +
                                          "; while :; do sleep 0.01; done"),
                absl::Seconds(1)),
      kPlain);
  ASSERT_TRUE(Eventually([&] { return fs::exists(ready); }));
  const ProcessWatch executor(task.pid());

  KillAgent();

  executor.WaitForEnd(absl::Seconds(10));
}

TEST_F(WithoutCheckpoint, NothingInWorkDirMentionsThem) {
  const v1::Task task = Launch(ShellTask("plain-task", "sleep 1000"), kPlain);
  const ProcessWatch executor(task.pid());

  for (const std::string& text :
       {std::string(kPlain), std::string("plain-task"), task.container_id()}) {
    EXPECT_THAT(Mentions(agent().work_dir(), text), testing::IsEmpty());
  }
  KillAgent();
  executor.WaitForEnd(absl::Seconds(10));
  for (const std::string& text :
       {std::string(kPlain), std::string("plain-task"), task.container_id()}) {
    EXPECT_THAT(Mentions(agent().work_dir(), text), testing::IsEmpty());
  }
}

TEST_F(WithoutCheckpoint, TheNextAgentKnowsNothingAndCleansUp) {
  Register(kFramework);
  const v1::Task kept = Launch(ShellTask("kept", "sleep 1000"));
  const v1::Task plain = Launch(ShellTask("plain-task", "sleep 1000"), kPlain);
  const ProcessWatch executor(plain.pid());
  RestartAgent();

  executor.WaitForEnd(absl::Seconds(10));

  ASSERT_EQ(List().size(), 1u);
  EXPECT_EQ(List()[0].task_id(), "kept");
  EXPECT_EQ(List()[0].pid(), kept.pid());
  EXPECT_TRUE(Eventually([&] {
    return Mentions(agent().runtime_dir(), plain.container_id()).empty();
  }));
  EXPECT_FALSE(Mentions(agent().runtime_dir(), kept.container_id()).empty());
  v1::ReconcileRequest reconcile;
  reconcile.set_framework_id(kPlain);
  reconcile.add_task_ids("plain-task");
  const auto answer = Must(client().Call(&Stub::Reconcile, reconcile));
  ASSERT_EQ(answer.rows_size(), 1);
  EXPECT_EQ(answer.rows(0).answer(), v1::ReconcileResponse::UNKNOWN_HERE);
}

TEST_F(WithoutCheckpoint, ExecutorsEndWithAnAgentThatIsStoppedGently) {
  const v1::Task task = Launch(ShellTask("plain-task", "sleep 1000"), kPlain);
  const ProcessWatch executor(task.pid());

  EXPECT_EQ(Must(agent().StopGently()), "exited 0");

  executor.WaitForEnd(absl::Seconds(10));
}

}  // namespace
}  // namespace holdfast
