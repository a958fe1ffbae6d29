// Requests that cannot be granted: an error that names the thing, and nothing
// is started, or left.

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class BadInput : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    Register(kFramework);
    bystander_ = Launch(ShellTask("bystander", "sleep 1000"));
  }

  void TearDown() override {
    if (!IsSkipped()) {
      const v1::Task now = Get("bystander").task();
      EXPECT_EQ(now.pid(), bystander_.pid());
      EXPECT_TRUE(now.attached());
    }
    AgentTest::TearDown();
  }

  // Refused before there was anything of it.
  void ExpectRefused(const v1::TaskInfo& task, absl::StatusCode code,
                     const testing::Matcher<std::string>& message) {
    const absl::Status status = TryLaunch(task).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), message);
    EXPECT_EQ(List().size(), 1u);  // the bystander
  }

  // Begun, and its step `what` went wrong: the caller is told, and the
  // orchestrator by an update.
  void ExpectLaunchFailed(const v1::TaskInfo& task,
                          const testing::Matcher<std::string>& what) {
    const absl::Status status = TryLaunch(task).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(std::string(status.message()), what);
    const v1::GetTaskResponse known = Get(task.task_id());
    EXPECT_EQ(known.task().state(), v1::TASK_FAILED);
    EXPECT_EQ(known.task().reason(), v1::REASON_CONTAINER_LAUNCH_FAILED);
    ASSERT_EQ(known.updates_size(), 1);
    EXPECT_THAT(known.updates(0).status().message(), what);
    // Again: the same answer, and nothing is started.
    EXPECT_EQ(TryLaunch(task).status(), status);
  }

  v1::Task bystander_;
};

TEST_F(BadInput, AnIdWithASlashIsNamed) {
  ExpectRefused(ShellTask("a/b", "true"), absl::StatusCode::kInvalidArgument,
                AllOf(HasSubstr("task_id"), HasSubstr("a/b")));
  const ctl::CtlProcess::Result run =
      ctl::RunCtl(address(), {"run", "--id", "a/b", "--", "true"});
  EXPECT_NE(run.exit_code, 0);
  EXPECT_THAT(run.err, HasSubstr("a/b"));
}

TEST_F(BadInput, AFrameworkThatIsNotRegisteredIsNamed) {
  const absl::Status status =
      TryLaunch(ShellTask("t", "true"), "strangers").status();

  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("strangers"));
}

TEST_F(BadInput, AMemoryLimitBelowTheLeastIsNamed) {
  v1::TaskInfo task = ShellTask("tiny", "true");
  task.mutable_resources()->set_memory_bytes(1024);

  ExpectRefused(task, absl::StatusCode::kInvalidArgument,
                AllOf(HasSubstr("memory_bytes"), HasSubstr("1024")));
}

TEST_F(BadInput, ACommandThatIsNotFoundIsALaunchThatFailed) {
  ExpectLaunchFailed(CommandTask("absent", {"/no/such/program"}),
                     AllOf(HasSubstr("exec"), HasSubstr("/no/such/program"),
                           HasSubstr("No such file or directory")));
  ExpectLaunchFailed(CommandTask("absent-in-path", {"no-such-program"}),
                     AllOf(HasSubstr("exec"), HasSubstr("no-such-program")));
}

TEST_F(BadInput, ACommandThatMayNotBeExecutedIsALaunchThatFailed) {
  const std::string file = Scratch("plain-file");
  WriteFile(file, "#!/bin/sh\n");
  ASSERT_EQ(chmod(file.c_str(), 0644), 0);

  ExpectLaunchFailed(CommandTask("no-permission", {file}),
                     AllOf(HasSubstr("exec"), HasSubstr(file),
                           HasSubstr("Permission denied")));
}

TEST_F(BadInput, AWorkingDirectoryThatIsMissingIsALaunchThatFailed) {
  v1::TaskInfo task = ShellTask("nowhere", "true");
  task.mutable_command()->set_working_directory("/no/such/directory");

  ExpectLaunchFailed(
      task, AllOf(HasSubstr("chdir"), HasSubstr("/no/such/directory")));
}

TEST_F(BadInput, AUserThatDoesNotExistIsNamed) {
  v1::TaskInfo task = ShellTask("whose", "true");
  task.mutable_command()->set_user("no-such-user");

  const absl::Status status = TryLaunch(task).status();

  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("no-such-user"));
}

TEST_F(BadInput, ARequestOfAHundredMegabytesIsTooLarge) {
  v1::TaskInfo task = ShellTask("huge", "true");
  task.set_data(std::string(100 << 20, 'x'));

  ExpectRefused(task, absl::StatusCode::kResourceExhausted, testing::_);
}

TEST_F(BadInput, HoldfastctlExitsAsAShellDoesForACommandItCannotStart) {
  const std::string file = Scratch("plain-file");
  WriteFile(file, "");

  const auto absent = ctl::RunCtl(address(), {"run", "--", "/no/such/program"});
  const auto denied = ctl::RunCtl(address(), {"run", "--", file});

  EXPECT_EQ(absent.exit_code, 127);
  EXPECT_THAT(absent.err, HasSubstr("/no/such/program"));
  EXPECT_EQ(denied.exit_code, 126);
  EXPECT_THAT(denied.err, HasSubstr(file));
}

}  // namespace
}  // namespace holdfast
