// A plugin that was updated finds what its former releases left: each
// tests/golden/work_dir-N is one's `work_dir`, from the moment in which its
// machine lost its power. Today's is made, for the release that comes, by
// integration_golden_work_dir_test --gtest_also_run_disabled_tests
// --gtest_filter=*MakesOne, and is added beside the former ones, which never
// change.

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class GoldenWorkDir : public AgentTest {
 protected:
  GoldenWorkDir() : AgentTest({"--strict=true"}) {}

  // What was made ahead is left out: a start makes it anew.
  static void Copy(const std::string& from, const std::string& to) {
    std::filesystem::create_directories(to);
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(from)) {
      const auto target =
          std::filesystem::path(to) / entry.path().lexically_relative(from);
      const bool wanted = entry.is_regular_file() &&
                          !absl::StrContains(target.string(), "/.spare-");
      if (!wanted) continue;
      std::filesystem::create_directories(target.parent_path());
      std::filesystem::copy_file(entry.path(), target);
    }
  }

  void BootAs(const std::string& boot_id) {
    WriteFile(Scratch("boot_id"), boot_id + "\n");
    agent().SetFlags({"--strict=true", "--boot_id_file=" + Scratch("boot_id")});
  }

  // Of an executor at a path that says nothing of where this was built.
  v1::TaskInfo OneOfMany(const std::string& task_id, const std::string& line) {
    v1::TaskInfo task;
    task.set_task_id(task_id);
    task.set_data(line);
    task.mutable_executor()->set_executor_id("many");
    task.mutable_executor()->mutable_command()->set_value(
        Scratch("multi_task_executor"));
    return task;
  }
};

struct Release {
  const char* work_dir;
  const char* agent_id;
};

void PrintTo(const Release& release, std::ostream* out) {
  *out << release.work_dir;
}

class GoldenRelease : public GoldenWorkDir,
                      public testing::WithParamInterface<Release> {};
INSTANTIATE_TEST_SUITE_P(
    Releases, GoldenRelease,
    testing::Values(Release{"work_dir-1",
                            "a07e6c8e-2df5-420d-96cb-30abf302cb9f"}),
    [](const auto& release) {
      return absl::StrReplaceAll(release.param.work_dir, {{"-", ""}});
    });

TEST_P(GoldenRelease, IsRecoveredStrictly) {
  KillAgent();
  std::filesystem::remove_all(agent().work_dir());
  Copy(absl::StrCat(GOLDEN_DIRECTORY "/", GetParam().work_dir),
       agent().work_dir());
  BootAs("after the power cut");
  RestartAgent();

  EXPECT_EQ(Info().agent().agent_id(), GetParam().agent_id);
  Watch(kFramework);

  const v1::TaskStatus failed = AwaitEnd("failed");
  EXPECT_EQ(failed.state(), v1::TASK_FAILED);
  EXPECT_THAT(failed.message(), HasSubstr("7"));
  EXPECT_TRUE(failed.has_end_time());
  const v1::TaskStatus killed = AwaitEnd("killed");
  EXPECT_EQ(killed.state(), v1::TASK_KILLED);
  for (const char* id : {"ran", "one"}) {
    const v1::TaskStatus ran = AwaitEnd(id);
    EXPECT_EQ(ran.state(), v1::TASK_FAILED) << id;
    EXPECT_EQ(ran.reason(), v1::REASON_AGENT_REBOOTED) << id;
  }
  EXPECT_EQ(AwaitEnd("two").state(), v1::TASK_FINISHED);
  // It was acknowledged, and is not told again.
  EXPECT_EQ(Get("finished").task().state(), v1::TASK_FINISHED);
  EXPECT_TRUE(ledger().Get("finished").updates.empty());
  const v1::Task ran = Get("ran").task();
  EXPECT_EQ(ran.framework_id(), kFramework);
  EXPECT_THAT(ran.command(), Contains("exec sleep 1000"));
}

TEST_F(GoldenWorkDir, DISABLED_MakesOne) {
  std::filesystem::copy_file(MULTI_TASK_EXECUTOR_BINARY,
                             Scratch("multi_task_executor"));
  BootAs("before the power cut");
  KillAgent();
  RestartAgent();
  Register(kFramework);
  Watch(kFramework);
  Launch(ShellTask("finished", "exit 0"));
  AwaitEnd("finished");
  Launch(ShellTask("ran", "exec sleep 1000"));
  Launch(ShellTask("killed", "exec sleep 1000"));
  Launch(OneOfMany("one", "sleep 1000"));
  AwaitRunning({"ran", "killed", "one"});
  StopWatching();
  Launch(OneOfMany("two", "exit 0"));
  Launch(ShellTask("failed", "exit 7"));
  ASSERT_TRUE(Kill("killed").ok());
  for (const char* id : {"two", "failed", "killed"}) {
    EXPECT_TRUE(Eventually([&] { return HasEnded(id); })) << id;
  }

  KillAgent();
  Copy(agent().work_dir(), GOLDEN_DIRECTORY "/work_dir-new");
  StartAgent();
}

}  // namespace
}  // namespace holdfast
