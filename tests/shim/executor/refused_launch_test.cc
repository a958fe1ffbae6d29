// Launches that are refused: what is told of each.
#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/shim/executor/launch_fixture.h"

namespace holdfast::shim {
namespace {

using ::testing::HasSubstr;

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

}  // namespace
}  // namespace holdfast::shim
