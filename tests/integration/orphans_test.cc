// Processes under the plugin's cgroup root that no journal knows: shown and
// explained, and left alone unless it was told otherwise.

#include <stdio.h>
#include <sys/stat.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "hack/local_agent/cgroup_sweep.h"
#include "tests/integration/checkpoint_fixture.h"

namespace holdfast {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class Orphans : public DamageTest {
 protected:
  // A running executor whose directory went elsewhere; its shim is dead.
  void SetUp() override {
    DamageTest::SetUp();
    if (IsSkipped()) return;
    task_ = LaunchSleeper("lost");
    executor_ = std::make_unique<ProcessWatch>(task_.pid());
    kept_ = LaunchSleeper("kept");
    KillAgentQuietly({task_, kept_});
    KillShim(task_);
    ASSERT_EQ(rename(layout().Executor(task_.container_id(), true).c_str(),
                     Scratch("elsewhere").c_str()),
              0);
  }

  v1::GetRecoveryResponse::Orphan TheOrphan() {
    const v1::GetRecoveryResponse report = Recovery();
    EXPECT_EQ(report.orphans_size(), 1);
    return report.orphans_size() == 1 ? report.orphans(0)
                                      : v1::GetRecoveryResponse::Orphan();
  }
  std::vector<std::string> GroupsOf(const std::string& container_id) {
    return hack::CgroupDirectories(
        absl::StrCat(agent().cgroups_root(), "/", container_id));
  }

  v1::Task task_;
  v1::Task kept_;
  std::unique_ptr<ProcessWatch> executor_;
};

TEST_F(Orphans, AreShownAndLeftAlone) {
  StartWith({});

  const auto orphan = TheOrphan();
  EXPECT_EQ(orphan.container_id(), task_.container_id());
  EXPECT_THAT(orphan.pids(), Contains(task_.pid()));
  EXPECT_THAT(orphan.explanation(),
              AllOf(HasSubstr("no journal"), HasSubstr(agent().work_dir())));
  EXPECT_EQ(orphan.action(), "left alone");
  EXPECT_EQ(Info().orphans(), 1u);
  EXPECT_THAT(ctl::RunCtl(address(), {"info"}).out, HasSubstr("orphans"));
  EXPECT_THAT(ctl::RunCtl(address(), {"recovery"}).out,
              HasSubstr(orphan.cgroup()));
  EXPECT_TRUE(executor_->Runs());
  EXPECT_TRUE(Get("kept").task().attached());
}

TEST_F(Orphans, AreFrozenWhenToldSo) {
  StartWith({"--orphans=quarantine"});

  EXPECT_TRUE(Eventually([&] { return TheOrphan().action() == "frozen"; }));
  EXPECT_TRUE(executor_->Runs());
  EXPECT_TRUE(Eventually([&] {
    for (const std::string& group : GroupsOf(task_.container_id())) {
      const auto events = ReadSmallFile(group + "/cgroup.events");
      if (events.ok() && absl::StrContains(*events, "frozen 1")) return true;
      const auto state = ReadSmallFile(group + "/freezer.state");
      if (state.ok() && absl::StrContains(*state, "FROZEN")) return true;
    }
    return false;
  }));
  EXPECT_EQ(Info().orphans(), 1u);
}

TEST_F(Orphans, AreKilledOnlyWhenToldSo) {
  StartWith({"--orphans=kill"});

  executor_->Reap(absl::Seconds(20));
  EXPECT_TRUE(Eventually([&] { return TheOrphan().action() == "killed"; }));
  EXPECT_EQ(Info().orphans(), 0u);
  EXPECT_THAT(GroupsOf(task_.container_id()), IsEmpty());
  EXPECT_TRUE(Get("kept").task().attached());
}

TEST_F(Orphans, OfAnotherInstanceAreLeftAloneUnderEveryPolicy) {
  auto other = Must(hack::LocalAgent::Create(
      {.name = "holdfast-other",
       .bin_dir = HOLDFAST_BIN_DIR,
       .flags = {absl::StrCat("--cgroups_root=", agent().cgroups_root())}}));
  ASSERT_TRUE(other->Start().ok());
  v1::RegisterFrameworkRequest request;
  request.mutable_framework()->set_framework_id("other");
  request.mutable_framework()->set_checkpoint(true);
  Must(other->client().Call(&Stub::RegisterFramework, request));
  const v1::Task task =
      Must(
          other->client().Call(&Stub::LaunchTask,
                               LaunchOf(ShellTask("o", "sleep 1000"), "other")))
          .task();
  const ProcessWatch foreign(task.pid());

  StartWith({"--orphans=kill"});

  EXPECT_TRUE(Eventually([&] { return Info().orphans() == 1; }));
  bool found = false;
  const v1::GetRecoveryResponse report = Recovery();
  for (const auto& orphan : report.orphans()) {
    if (orphan.container_id() != task.container_id()) continue;
    found = true;
    EXPECT_EQ(orphan.action(), "left alone");
    EXPECT_THAT(orphan.explanation(), AllOf(HasSubstr("another instance"),
                                            HasSubstr(other->work_dir())));
  }
  EXPECT_TRUE(found);
  EXPECT_TRUE(foreign.Runs());
  v1::KillTaskRequest kill;
  kill.set_framework_id("other");
  kill.set_task_id("o");
  Must(other->client().Call(&Stub::KillTask, kill));
  foreign.WaitForEnd(absl::Seconds(20));
  EXPECT_TRUE(
      Eventually([&] { return GroupsOf(task.container_id()).empty(); }));
  EXPECT_TRUE(other->KillHard().ok());
}

TEST_F(Orphans, WithoutProcessesAreRemoved) {
  const std::vector<std::string> roots =
      hack::CgroupDirectories(agent().cgroups_root());
  ASSERT_FALSE(roots.empty());
  for (const std::string& root : roots) {
    // A controller may be mounted twice.
    if (access((root + "/empty").c_str(), F_OK) == 0) continue;
    ASSERT_EQ(mkdir((root + "/empty").c_str(), 0755), 0);
    ASSERT_EQ(mkdir((root + "/empty/executor").c_str(), 0755), 0);
  }

  StartWith({});

  EXPECT_TRUE(Eventually([&] { return GroupsOf("empty").empty(); }));
}

}  // namespace
}  // namespace holdfast
