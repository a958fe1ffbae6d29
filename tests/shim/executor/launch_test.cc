// What a program that is launched finds.
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "tests/shim/executor/launch_fixture.h"

namespace holdfast::shim {
namespace {

using ::testing::HasSubstr;

// The value of "Name:\tvalue" in what `cat /proc/self/status` printed.
std::string Field(const std::string& status, const std::string& name) {
  for (const absl::string_view line : absl::StrSplit(status, '\n')) {
    absl::string_view value = line;
    if (absl::ConsumePrefix(&value, absl::StrCat(name, ":"))) {
      return std::string(absl::StripAsciiWhitespace(value));
    }
  }
  return "no such field";
}

// A group of the v2 tree (or of v1's freezer), gone with the test.
class TestGroup {
 public:
  explicit TestGroup(const std::string& root)
      : name_(absl::StrCat("holdfast-test-", getpid(), "-launch")),
        path_(absl::StrCat(root, "/", name_)),
        made_(mkdir(path_.c_str(), 0755) == 0) {}
  ~TestGroup() { rmdir(path_.c_str()); }
  TestGroup(const TestGroup&) = delete;
  TestGroup& operator=(const TestGroup&) = delete;

  bool made() const { return made_; }
  const std::string& name() const { return name_; }
  const std::string& path() const { return path_; }

 private:
  std::string name_;
  std::string path_;
  bool made_;
};

std::string UnifiedRoot() {
  return access("/sys/fs/cgroup/cgroup.procs", F_OK) == 0
             ? "/sys/fs/cgroup"
             : "/sys/fs/cgroup/unified";
}

TEST_F(Launching, GivesTheProgramExactlyItsEnvironment) {
  LaunchPlan plan = Plan({"/usr/bin/env"});
  plan.environment = {"A=1", "EMPTY=", "SPACE=a b"};

  const Ran ran = RunToEnd(plan);

  EXPECT_EQ(ran.launched, absl::OkStatus());
  EXPECT_EQ(ran.output, "A=1\nEMPTY=\nSPACE=a b\n");
}

TEST_F(Launching, LeavesNoFdOpenButTheThree) {
  const UniqueFd leaked(open("/dev/zero", O_RDONLY));  // not O_CLOEXEC

  const Ran ran = RunToEnd(Shell("echo /proc/$$/fd/*"));

  const std::string fds = absl::StrCat("/proc/", ran.pid, "/fd/");
  // A shell may keep its script or a directory at 10 and above.
  EXPECT_EQ(ran.output, absl::StrCat(fds, "0 ", fds, "1 ", fds, "2 ", fds,
                                     "3\n"));  // 3: the shell reads /proc
}

TEST_F(Launching, ReadsNothingFromStdin) {
  EXPECT_EQ(RunToEnd(Shell("readlink /proc/$$/fd/0")).output, "/dev/null\n");
}

TEST_F(Launching, SendsOutputToDevNullWithoutFds) {
  absl::StatusOr<Pidfd> child = Launch(Shell("[ -c /proc/self/fd/1 ]"));

  ASSERT_TRUE(child.ok()) << child.status();
  siginfo_t info = {};
  ASSERT_EQ(waitid(P_PIDFD, static_cast<id_t>(child->fd()), &info, WEXITED), 0);
  EXPECT_EQ(info.si_status, 0);
}

TEST_F(Launching, KeepsStdoutAndStderrApart) {
  LaunchPlan plan = Shell("echo out; echo err >&2");
  const std::string out = MakeFile("out", "", 0644);
  const std::string err = MakeFile("err", "", 0644);
  const UniqueFd out_fd(open(out.c_str(), O_WRONLY | O_CLOEXEC));
  const UniqueFd err_fd(open(err.c_str(), O_WRONLY | O_CLOEXEC));
  plan.stdout_fd = out_fd.get();
  plan.stderr_fd = err_fd.get();

  absl::StatusOr<Pidfd> child = Launch(plan);

  ASSERT_TRUE(child.ok()) << child.status();
  siginfo_t info;
  ASSERT_EQ(waitid(P_PIDFD, static_cast<id_t>(child->fd()), &info, WEXITED), 0);
  EXPECT_EQ(*ReadSmallFile(out), "out\n");
  EXPECT_EQ(*ReadSmallFile(err), "err\n");
}

TEST_F(Launching, MakesASessionOfItsOwn) {
  const Ran ran = RunToEnd(Shell("read stat < /proc/self/stat; echo $stat"));

  const std::vector<std::string> fields = absl::StrSplit(ran.output, ' ');
  const std::string pid = absl::StrCat(ran.pid);
  ASSERT_GT(fields.size(), 5u);
  EXPECT_EQ(fields[0], pid);
  EXPECT_EQ(fields[4], pid) << "process group";
  EXPECT_EQ(fields[5], pid) << "session";
}

TEST_F(Launching, ResetsSignalsAndUmask) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  const sighandler_t pipe_before = signal(SIGPIPE, SIG_IGN);

  const std::string status =
      RunToEnd(Plan({"/bin/cat", "/proc/self/status"})).output;

  EXPECT_EQ(Field(status, "SigBlk"), "0000000000000000");
  EXPECT_EQ(Field(status, "SigIgn"), "0000000000000000");
  EXPECT_EQ(Field(status, "Umask"), "0022");
  sigset_t now;
  sigprocmask(SIG_SETMASK, &before, &now);
  EXPECT_EQ(sigismember(&now, SIGUSR1), 1) << "our own mask is as it was";
  EXPECT_EQ(sigismember(&now, SIGTERM), 0);
  signal(SIGPIPE, pipe_before);
}

TEST_F(Launching, LeavesRootTheFourteenCapabilities) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";

  const std::string status =
      RunToEnd(Plan({"/bin/cat", "/proc/self/status"})).output;

  EXPECT_EQ(Field(status, "CapPrm"), "00000000a80425fb");
  EXPECT_EQ(Field(status, "CapEff"), "00000000a80425fb");
  EXPECT_EQ(Field(status, "CapBnd"), "00000000a80425fb");
  EXPECT_EQ(Field(status, "CapInh"), "0000000000000000");
  EXPECT_EQ(Field(status, "CapAmb"), "0000000000000000");
  EXPECT_EQ(Field(status, "NoNewPrivs"), "1");
}

TEST_F(Launching, LeavesAUserNoCapabilityAtAll) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  LaunchPlan plan = Plan({"/bin/cat", "/proc/self/status"});
  plan.change_user = true;
  plan.uid = kNobody;
  plan.gid = 65533;
  plan.groups = {7, 65533};

  const std::string status = RunToEnd(plan).output;

  EXPECT_EQ(Field(status, "Uid"), "65534\t65534\t65534\t65534");
  EXPECT_EQ(Field(status, "Gid"), "65533\t65533\t65533\t65533");
  EXPECT_EQ(Field(status, "Groups"), "7 65533");
  for (const char* set : {"CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"}) {
    EXPECT_EQ(Field(status, set), "0000000000000000") << set;
  }
  EXPECT_EQ(Field(status, "NoNewPrivs"), "1");
}

TEST_F(Launching, EntersADirectoryThatIsClosedToTheUser) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string sandbox = absl::StrCat(directory_, "/sandbox");
  ASSERT_EQ(mkdir(sandbox.c_str(), 0755), 0);
  ASSERT_EQ(chmod(directory_.c_str(), 0700), 0);
  LaunchPlan plan = Shell("readlink /proc/self/cwd; id -u");
  plan.environment = {"PATH=/usr/bin:/bin"};
  plan.working_directory = sandbox;
  plan.change_user = true;
  plan.uid = plan.gid = kNobody;

  EXPECT_EQ(RunToEnd(plan).output, absl::StrCat(sandbox, "\n65534\n"));
}

TEST_F(Launching, SetsLimits) {
  LaunchPlan plan = Shell("ulimit -Sn; ulimit -Hn; ulimit -c");
  plan.limits = {{RLIMIT_NOFILE, 77, 99}, {RLIMIT_CORE, 0, 0}};

  EXPECT_EQ(RunToEnd(plan).output, "77\n99\n0\n");
}

TEST_F(Launching, GivesTheOomKillerNoReasonToSpareIt) {
  const absl::StatusOr<std::string> before =
      ReadSmallFile("/proc/self/oom_score_adj");
  ASSERT_TRUE(before.ok());
  ASSERT_TRUE(WriteKernelFile("/proc/self/oom_score_adj", "5").ok());

  EXPECT_EQ(RunToEnd(Plan({"/bin/cat", "/proc/self/oom_score_adj"})).output,
            "0\n");

  EXPECT_TRUE(WriteKernelFile("/proc/self/oom_score_adj", *before).ok());
}

TEST_F(Launching, StartsInTheCgroup) {
  const TestGroup group(UnifiedRoot());
  if (!group.made()) GTEST_SKIP() << "cannot make " << group.path();
  LaunchPlan plan = Plan({"/bin/cat", "/proc/self/cgroup"});
  plan.cgroup_directory = group.path();

  const Ran ran = RunToEnd(plan);

  EXPECT_EQ(ran.launched, absl::OkStatus());
  EXPECT_THAT(ran.output, HasSubstr(absl::StrCat("0::/", group.name(), "\n")));
}

TEST_F(Launching, JoinsV1Groups) {
  const TestGroup group("/sys/fs/cgroup/freezer");
  if (!group.made()) GTEST_SKIP() << "cannot make " << group.path();
  LaunchPlan plan = Plan({"/bin/cat", "/proc/self/cgroup"});
  plan.join_files = {absl::StrCat(group.path(), "/cgroup.procs")};

  EXPECT_THAT(RunToEnd(plan).output,
              HasSubstr(absl::StrCat(":freezer:/", group.name(), "\n")));
}

// From here on clone3(2) is as on a kernel that has none.
void ForgetClone3() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program = {4, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(77);
}

TEST_F(Launching, JoinsTheCgroupWhereClone3CannotPlaceIt) {
  const TestGroup group(UnifiedRoot());
  if (!group.made()) GTEST_SKIP() << "cannot make " << group.path();
  LaunchPlan plan = Plan({"/bin/cat", "/proc/self/cgroup"});
  plan.cgroup_directory = group.path();

  const auto launch_without_clone3 = [&] {
    ForgetClone3();
    const Ran ran = RunToEnd(plan);
    fputs(ran.output.c_str(), stderr);
    _exit(ran.launched.ok() ? 0 : 1);
  };

  EXPECT_EXIT(launch_without_clone3(), ::testing::ExitedWithCode(0),
              absl::StrCat("0::/", group.name(), "\n"));
}

TEST_F(Launching, TakesTheFirstProgramThatCanBeRun) {
  LaunchPlan plan = Plan({"tool", "x"});
  plan.search_path = {
      absl::StrCat(directory_, "/absent/tool"),
      MakeFile("closed", "#!/bin/sh\necho closed\n", 0644),
      absl::StrCat(MakeFile("file", "", 0644), "/tool"),  // ENOTDIR
      MakeFile("second", "#!/bin/sh\necho second $1\n", 0755),
      MakeFile("third", "#!/bin/sh\necho third\n", 0755)};

  EXPECT_EQ(RunToEnd(plan).output, "second x\n");
}

TEST_F(Launching, HoldsTheRunningProcess) {
  absl::StatusOr<Pidfd> child = Launch(Plan({"/bin/sleep", "1000"}));

  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_EQ(*ReadSmallFile(absl::StrCat("/proc/", child->pid(), "/comm")),
            "sleep\n");
  const absl::StatusOr<uint64_t> ours = ReadStartTicks(getpid());
  const absl::StatusOr<uint64_t> theirs = ReadStartTicks(child->pid());
  ASSERT_TRUE(ours.ok() && theirs.ok());
  EXPECT_GE(*theirs, *ours);
  EXPECT_TRUE(child->Signal(SIGKILL).ok());
  siginfo_t info;
  ASSERT_EQ(waitid(P_PIDFD, static_cast<id_t>(child->fd()), &info, WEXITED), 0);
  EXPECT_EQ(info.si_code, CLD_KILLED);
}

TEST_F(Launching, NeedsNoPrivilegeToKeepTheUser) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to give it up";

  const auto launch_as_nobody = [&] {
    if (setresuid(kNobody, kNobody, kNobody) != 0) _exit(77);
    const Ran ran = RunToEnd(Shell("exit 3"));
    fputs(ran.launched.ToString().c_str(), stderr);
    _exit(ran.exit_code);
  };

  EXPECT_EXIT(launch_as_nobody(), ::testing::ExitedWithCode(3), "OK");
}

}  // namespace
}  // namespace holdfast::shim
