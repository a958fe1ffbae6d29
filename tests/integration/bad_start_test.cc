// What holdfastd refuses at its start: it names the thing and ends, and a
// plugin that runs is not disturbed.

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sysexits.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "hack/local_agent/cgroup_sweep.h"
#include "hack/local_agent/child_process.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

using testing::AllOf;
using testing::HasSubstr;

struct Refusal {
  std::string how;  // "exited 64"
  std::string log;
};

// Starts a holdfastd that is to refuse; one that does not is killed, and fails
// the test.
Refusal StartInVain(std::vector<std::string> flags, const std::string& log) {
  flags.insert(flags.begin(), HOLDFASTD_BINARY);
  absl::StatusOr<hack::ChildProcess> child =
      hack::ChildProcess::Spawn(flags, log);
  EXPECT_TRUE(child.ok()) << child.status();
  if (!child.ok()) return {};
  absl::StatusOr<std::string> how = child->Wait(absl::Seconds(20));
  EXPECT_TRUE(how.ok()) << how.status();
  if (!how.ok()) {
    (void)child->Signal(SIGKILL);
    how = child->Wait(absl::Seconds(20));
  }
  return {how.value_or("runs"), Must(ReadSmallFile(log))};
}

class BadStart : public testing::Test {
 protected:
  ~BadStart() override {
    (void)hack::SweepCgroups(cgroups_root_, absl::Seconds(10));
  }

  Refusal StartWith(const std::string& work_dir, const std::string& runtime_dir,
                    const std::string& flag = "--strict") {
    return StartInVain(
        {"--work_dir=" + work_dir, "--runtime_dir=" + runtime_dir,
         "--cgroups_root=" + cgroups_root_, flag},
        directory_ / "log");
  }

  TemporaryDirectory directory_;
  const std::string cgroups_root_ =
      absl::StrCat("holdfast-test-", getpid(), "-start");
};

TEST_F(BadStart, NamesAnUnknownFlag) {
  const Refusal end =
      StartWith(directory_ / "work", directory_ / "run", "--no_such_flag=1");

  EXPECT_NE(end.how, "exited 0");
  EXPECT_THAT(end.log, HasSubstr("no_such_flag"));
}

TEST_F(BadStart, NamesAFlagWhoseValueItCannotRead) {
  const Refusal end = StartWith(directory_ / "work", directory_ / "run",
                                "--recovery_timeout=soon");

  EXPECT_NE(end.how, "exited 0");
  EXPECT_THAT(end.log, AllOf(HasSubstr("recovery_timeout"), HasSubstr("soon")));
}

TEST_F(BadStart, NamesAWorkDirThatIsAFile) {
  const std::string file = directory_ / "file";
  std::ofstream(file) << "not a directory";

  const Refusal end = StartWith(file, directory_ / "run");

  EXPECT_EQ(end.how, absl::StrCat("exited ", EX_CANTCREAT));
  EXPECT_THAT(end.log, AllOf(HasSubstr(file), HasSubstr("Not a directory")));
}

TEST_F(BadStart, NamesAWorkDirOnAReadOnlyMount) {
  const std::string mount_point = directory_ / "mount";
  ASSERT_TRUE(SystemFiles().MakeDirectory(mount_point, 0700).ok());
  if (mount("none", mount_point.c_str(), "tmpfs", MS_RDONLY, nullptr) != 0)
    GTEST_SKIP() << "cannot mount: " << strerrordesc_np(errno);

  const Refusal end = StartWith(mount_point + "/work", directory_ / "run");

  EXPECT_EQ(umount(mount_point.c_str()), 0);
  EXPECT_EQ(end.how, absl::StrCat("exited ", EX_CANTCREAT));
  EXPECT_THAT(end.log, AllOf(HasSubstr(mount_point),
                             HasSubstr("Read-only file system")));
}

TEST_F(BadStart, NamesARuntimeDirWhosePathIsTooLong) {
  const std::string deep = directory_ / std::string(120, 'd');

  const Refusal end = StartWith(directory_ / "work", deep);

  EXPECT_EQ(end.how, absl::StrCat("exited ", EX_USAGE));
  EXPECT_THAT(end.log, AllOf(HasSubstr("--runtime_dir"), HasSubstr(deep)));
}

class SecondPlugin : public AgentTest {
 protected:
  Refusal StartAnother(const std::string& work_dir,
                       const std::string& runtime_dir) {
    return StartInVain(
        {"--work_dir=" + work_dir, "--runtime_dir=" + runtime_dir,
         "--cgroups_root=" + agent().cgroups_root()},
        Scratch("second.log"));
  }
};

TEST_F(SecondPlugin, IsRefusedAndLeavesTheFirstAlone) {
  Register(kFramework);
  const v1::Task task = Launch(ShellTask("kept", "sleep 1000"));
  const ProcessWatch executor(task.pid());

  const Refusal same_work =
      StartAnother(agent().work_dir(), Scratch("other-run"));
  const Refusal same_run =
      StartAnother(Scratch("other-work"), agent().runtime_dir());

  for (const auto& [how, log] : {same_work, same_run})
    EXPECT_EQ(how, absl::StrCat("exited ", EX_TEMPFAIL)) << log;
  EXPECT_THAT(same_work.log, HasSubstr(agent().work_dir()));
  EXPECT_THAT(same_run.log, HasSubstr(agent().runtime_dir()));
  EXPECT_TRUE(executor.Runs());
  EXPECT_EQ(Get("kept").task().pid(), task.pid());
  EXPECT_TRUE(Get("kept").task().attached());
  EXPECT_EQ(ctl::RunCtl(address(), {"info"}).exit_code, 0);
}

}  // namespace
}  // namespace holdfast
