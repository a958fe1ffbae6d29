// A launch had begun in a directory made ahead, and the disk does not give
// that its name: told, and left as it is, beside executors that go on.

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/unique_fd.h"
#include "gmock/gmock.h"
#include "plugin/checkpoint/spare_directory.h"
#include "tests/integration/checkpoint_fixture.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

// An immutable directory is not renamed.
bool SetImmutable(const std::string& path, bool immutable) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  int flags = 0;
  if (ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) != 0) return false;
  flags = immutable ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
  return ioctl(fd.get(), FS_IOC_SETFLAGS, &flags) == 0;
}

class NamelessSpare : public DamageTest {
 protected:
  void SetUp() override {
    DamageTest::SetUp();
    if (IsSkipped()) return;
    const std::string probe = Scratch("immutable");
    ASSERT_EQ(mkdir(probe.c_str(), 0700), 0);
    const bool possible = SetImmutable(probe, true);
    SetImmutable(probe, false);
    if (!possible) GTEST_SKIP() << probe << ": no immutable files here";
    before_ = LaunchSleeper("one");
    other_ = LaunchSleeper("other");
    KillAgentQuietly({before_, other_});
    spare_ = SparePath(layout(), before_.container_id());
    const std::string own = layout().Executor(before_.container_id(), true);
    ASSERT_EQ(rename(own.c_str(), spare_.c_str()), 0);
    ASSERT_TRUE(SetImmutable(spare_, true));
  }
  void TearDown() override {
    if (!IsSkipped()) SetImmutable(spare_, false);
    DamageTest::TearDown();
  }

  v1::Task before_, other_;
  std::string spare_;
};

TEST_F(NamelessSpare, RefusesAStrictStart) {
  EXPECT_EQ(StartInVain({}), "exited 65");

  EXPECT_THAT(NewLog(), HasSubstr("rename " + spare_));
  SetImmutable(spare_, false);
  StartWith({});
  EXPECT_TRUE(Get("one").task().attached());
  EXPECT_EQ(Get("one").task().pid(), before_.pid());
}

TEST_F(NamelessSpare, StaysAsItIsUntilItCanBeNamed) {
  const ProcessWatch executor(before_.pid());

  StartWith({"--strict=false", "--orphans=kill"});

  EXPECT_TRUE(Get("other").task().attached());
  const v1::GetRecoveryResponse report = Recovery();
  const auto decisions = Decisions(report);
  const auto found = decisions.find(SpareName(before_.container_id()));
  ASSERT_NE(found, decisions.end());
  EXPECT_EQ(found->second, "UNATTACHED NO_NAME");
  ASSERT_EQ(report.damage_size(), 1);
  EXPECT_EQ(report.damage(0).file(), spare_ + "/journal");
  EXPECT_THAT(report.damage(0).cure(), HasSubstr("does not rename"));
  EXPECT_TRUE(executor.Runs());
  // It may be there.
  v1::ReconcileRequest request;
  request.set_framework_id(kFramework);
  request.add_task_ids("one");
  EXPECT_EQ(Must(client().Call(&Stub::Reconcile, request)).rows(0).answer(),
            v1::ReconcileResponse::UNKNOWN_HERE);

  SetImmutable(spare_, false);
  RestartAgent();
  EXPECT_TRUE(Get("one").task().attached());
  EXPECT_EQ(Get("one").task().pid(), before_.pid());
}

}  // namespace
}  // namespace holdfast
