// A disk that is full, or takes no write at all, is an error of the calls that
// need it: what runs is not touched, what was promised is kept.

#include <unistd.h>

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hack/local_agent/cgroup_sweep.h"
#include "hack/local_agent/child_process.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/integration/agent_fixture.h"
#include "tests/integration/small_disk.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

constexpr int kMebibytes = 64;
constexpr int kMoreThanSpares = 200;

// Everything of the agent's, its log and its sockets too, is on a disk of the
// test's own.
class FailingDisk : public AgentTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "mounts, which needs root";
    absl::StatusOr<SmallDisk> disk = SmallDisk::Mount(kMebibytes);
    if (!disk.ok()) GTEST_SKIP() << disk.status();
    disk_.emplace(*std::move(disk));
    SetParentDirectory(disk_->path());
    AgentTest::SetUp();
    Register(kFramework);
    Watch(kFramework);
  }
  void TearDown() override {
    if (!IsSkipped()) AgentTest::TearDown();
    disk_.reset();
  }

  const SmallDisk& disk() const { return *disk_; }

  // Directories that were made ahead may hold for some.
  absl::Status LaunchUntilRefused() {
    for (int i = 0; i < kMoreThanSpares; ++i) {
      const std::string id = absl::StrCat("more-", i);
      const auto launched = TryLaunch(ShellTask(id, "sleep 1000"));
      if (!launched.ok()) return launched.status();
    }
    return absl::OkStatus();
  }

 private:
  std::optional<SmallDisk> disk_;
};

TEST_F(FailingDisk, ThatIsFullRefusesLaunchesAndLosesNothing) {
  const v1::Task sleeper = Launch(ShellTask("sleeper", "sleep 1000"));
  const v1::Task writer = Launch(
      ShellTask("writer", "while :; do echo 0123456789; sleep 0.01; done"));
  const std::string go = "/tmp/" + sleeper.container_id();
  const v1::Task ending = Launch(ShellTask(
      "ending",
      absl::StrCat("while ! test -e ", go, "; do sleep 0.01; done; exit 3")));
  AwaitRunning({"sleeper", "writer", "ending"});
  const ProcessWatch sleeps(sleeper.pid()), writes(writer.pid());
  const absl::Status filled = disk().Fill();
  ASSERT_TRUE(filled.ok()) << filled;

  const absl::Status refused = LaunchUntilRefused();

  EXPECT_THAT(refused.message(), HasSubstr("No space left on device"))
      << refused;
  WriteFile(go, "");
  EXPECT_EQ(AwaitEnd("ending").exit_code(), 3) << "its journal was long enough";
  RestartAgent();
  EXPECT_TRUE(sleeps.Runs());
  EXPECT_TRUE(writes.Runs());
  EXPECT_EQ(Get("sleeper").task().pid(), sleeper.pid());
  EXPECT_TRUE(Get("sleeper").task().attached());
  EXPECT_TRUE(Get("writer").task().attached());
  const absl::Status freed = disk().FreeUp();
  ASSERT_TRUE(freed.ok()) << freed;
  absl::Status launched;
  EXPECT_TRUE(Eventually([&] {
    launched = TryLaunch(ShellTask("later", "exit 0")).status();
    return launched.ok();
  })) << launched;
  EXPECT_EQ(AwaitEnd("later").state(), v1::TASK_FINISHED);
  unlink(go.c_str());
}

class DeadDisk : public FailingDisk {
 protected:
  // What is on the disk cannot be removed: only what runs is.
  void TearDown() override {
    if (!IsSkipped()) {
      if (agent().pid() != 0) KillAgent();
      const absl::Status swept =
          hack::SweepCgroups(agent().cgroups_root(), absl::Seconds(20));
      EXPECT_TRUE(swept.ok()) << swept;
      Abandon();
    }
    FailingDisk::TearDown();
  }

  TemporaryDirectory elsewhere_;
};

TEST_F(DeadDisk, RefusesWhatNeedsItAndEndsNobody) {
  const v1::Task task = Launch(ShellTask("sleeper", "sleep 1000"));
  AwaitRunning({"sleeper"});
  const ProcessWatch executor(task.pid()), shim(task.shim_pid());
  const absl::Status failed = disk().Fail();
  ASSERT_TRUE(failed.ok()) << failed;

  const absl::Status refused = TryLaunch(ShellTask("more", "true")).status();

  EXPECT_THAT(refused.message(), HasSubstr("Read-only file system")) << refused;
  EXPECT_EQ(Get("sleeper").task().pid(), task.pid());
  KillAgent();
  for (const char* strict : {"--strict=true", "--strict=false"}) {
    const std::string log = elsewhere_ / "log";
    absl::StatusOr<hack::ChildProcess> next = hack::ChildProcess::Spawn(
        {HOLDFASTD_BINARY, "--work_dir=" + agent().work_dir(),
         "--runtime_dir=" + agent().runtime_dir(),
         "--cgroups_root=" + agent().cgroups_root(), strict},
        log);
    ASSERT_TRUE(next.ok()) << next.status();
    EXPECT_EQ(Must(next->Wait(absl::Seconds(20))), "exited 73") << strict;
    EXPECT_THAT(Must(ReadSmallFile(log)), HasSubstr("Read-only file system"));
  }
  EXPECT_TRUE(executor.Runs());
  EXPECT_TRUE(shim.Runs());
}

}  // namespace
}  // namespace holdfast
