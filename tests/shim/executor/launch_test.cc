#include "shim/executor/launch.h"

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
#include "gtest/gtest.h"

namespace holdfast::shim {
namespace {

using ::testing::HasSubstr;

constexpr uid_t kNobody = 65534;

struct Ran {
  absl::Status launched;
  pid_t pid = 0;
  std::string output;
  int exit_code = -1;
};

std::string ReadToEnd(int fd) {
  std::string all;
  char buffer[4096];
  ssize_t got;
  while ((got = read(fd, buffer, sizeof buffer)) > 0) {
    all.append(buffer, static_cast<size_t>(got));
  }
  return all;
}

// Launches with stdout and stderr into one pipe, and waits for the end.
Ran RunToEnd(LaunchPlan plan) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  plan.stdout_fd = plan.stderr_fd = writer.get();
  Ran ran;
  absl::StatusOr<Pidfd> child = Launch(plan);
  writer.Reset();
  ran.launched = child.status();
  if (!child.ok()) return ran;
  ran.pid = child->pid();
  ran.output = ReadToEnd(reader.get());
  siginfo_t info = {};
  EXPECT_EQ(waitid(P_PIDFD, static_cast<id_t>(child->fd()), &info, WEXITED), 0);
  ran.exit_code = info.si_status;
  return ran;
}

LaunchPlan Plan(std::vector<std::string> argv) {
  LaunchPlan plan;
  plan.argv = std::move(argv);
  return plan;
}

LaunchPlan Shell(std::string line) {
  return Plan({"/bin/sh", "-c", std::move(line)});
}

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

class Launching : public ::testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/holdfast-launch-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    directory_ = path;
    ASSERT_EQ(chmod(path, 0755), 0);
  }
  void TearDown() override { EXPECT_TRUE(RemoveTree(directory_).ok()); }

  std::string MakeFile(const std::string& name, const std::string& content,
                       mode_t mode) {
    std::string path = absl::StrCat(directory_, "/", name);
    const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, mode));
    EXPECT_TRUE(fd);
    EXPECT_EQ(write(fd.get(), content.data(), content.size()),
              static_cast<ssize_t>(content.size()));
    return path;
  }

  std::string directory_;
};

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

// A launch whose `step` is refused: what the caller learns of it.
void ExpectRefused(const LaunchPlan& plan, const std::string& step,
                   absl::StatusCode code, const std::string& text) {
  const absl::Status status = RunToEnd(plan).launched;

  EXPECT_EQ(status.code(), code) << status;
  EXPECT_EQ(status.GetPayload(kLaunchStepPayload), absl::Cord(step));
  EXPECT_EQ(status.message(), text);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child was left";
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(Launching, NamesTheDirectoryThatIsNotThere) {
  LaunchPlan plan = Shell("true");
  plan.working_directory = "/nowhere";
  ExpectRefused(plan, "chdir", absl::StatusCode::kNotFound,
                "chdir /nowhere: No such file or directory");
}

TEST_F(Launching, NamesTheCommandThatIsNotThere) {
  LaunchPlan plan = Plan({"tool"});
  plan.search_path = {absl::StrCat(directory_, "/a/tool"),
                      absl::StrCat(directory_, "/b/tool")};
  ExpectRefused(plan, "exec", absl::StatusCode::kNotFound,
                "exec tool: No such file or directory");

  const std::string file = MakeFile("file", "", 0644);
  plan.search_path = {absl::StrCat(file, "/tool")};
  ExpectRefused(plan, "exec", absl::StatusCode::kNotFound,
                "exec tool: Not a directory");
}

TEST_F(Launching, NamesTheFileThatIsNotExecutable) {
  const std::string closed = MakeFile("closed", "#!/bin/sh\n", 0644);
  LaunchPlan plan = Plan({"tool"});
  plan.search_path = {closed, absl::StrCat(directory_, "/absent")};
  ExpectRefused(plan, "exec", absl::StatusCode::kPermissionDenied,
                absl::StrCat("exec ", closed, ": Permission denied"));
}

TEST_F(Launching, SaysWhatAProgramOfNoKnownFormatLacks) {
  const std::string text = MakeFile("text", "echo no interpreter\n", 0755);
  ExpectRefused(Plan({text}), "exec", absl::StatusCode::kInvalidArgument,
                absl::StrCat("exec ", text,
                             ": Exec format error (neither a program for this "
                             "machine nor a script with \"#!\")"));
}

TEST_F(Launching, SaysThatTheInterpreterIsMissing) {
  const std::string script = MakeFile("script", "#!/no/such/sh\n", 0755);
  ExpectRefused(Plan({script}), "exec", absl::StatusCode::kNotFound,
                absl::StrCat("exec ", script,
                             ": No such file or directory (it is there; the "
                             "interpreter that it names is not)"));
}

TEST_F(Launching, RefusesAnEmptyCommand) {
  ExpectRefused(Plan({}), "exec", absl::StatusCode::kInvalidArgument,
                "exec an empty argv: Invalid argument");
}

TEST_F(Launching, NamesTheLimitThatCannotBe) {
  LaunchPlan plan = Shell("true");
  plan.limits = {{RLIMIT_CORE, 0, 0}, {RLIMIT_NOFILE, 10, 5}};
  ExpectRefused(plan, "setrlimit", absl::StatusCode::kInvalidArgument,
                "setrlimit NOFILE: Invalid argument");
}

TEST_F(Launching, NamesTheCgroupThatIsNotThere) {
  LaunchPlan plan = Shell("true");
  plan.cgroup_directory = absl::StrCat(directory_, "/group");
  ExpectRefused(plan, "cgroup", absl::StatusCode::kNotFound,
                absl::StrCat("cgroup ", plan.cgroup_directory,
                             ": No such file or directory"));
}

TEST_F(Launching, NamesTheDirectoryThatIsNoCgroup) {
  LaunchPlan plan = Shell("true");
  plan.cgroup_directory = directory_;
  const absl::Status status = RunToEnd(plan).launched;
  EXPECT_EQ(status.GetPayload(kLaunchStepPayload), absl::Cord("clone"));
  EXPECT_THAT(std::string(status.message()), HasSubstr(directory_));
}

TEST_F(Launching, NamesTheJoinFileThatIsNotThere) {
  LaunchPlan plan = Shell("true");
  plan.join_files = {absl::StrCat(directory_, "/cgroup.procs")};
  ExpectRefused(plan, "join", absl::StatusCode::kNotFound,
                absl::StrCat("join ", directory_,
                             "/cgroup.procs: No such file or directory"));
}

TEST_F(Launching, NamesTheJoinFileThatRefuses) {
  LaunchPlan plan = Shell("true");
  plan.join_files = {MakeFile("taken", "", 0644), "/dev/full"};
  ExpectRefused(plan, "join", absl::StatusCode::kResourceExhausted,
                "join /dev/full: No space left on device");
}

TEST_F(Launching, NamesTheUserThatAnUnprivilegedShimCannotBecome) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to give it up";
  LaunchPlan plan = Shell("true");
  plan.change_user = true;
  plan.groups = {4, 5};

  const auto launch_as_nobody = [&] {
    if (setresuid(kNobody, kNobody, kNobody) != 0) _exit(77);
    const absl::Status status = RunToEnd(plan).launched;
    fputs(std::string(status.message()).c_str(), stderr);
    _exit(absl::IsPermissionDenied(status) ? 0 : 1);
  };

  EXPECT_EXIT(launch_as_nobody(), ::testing::ExitedWithCode(0),
              "setgroups 4,5: Operation not permitted");
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
