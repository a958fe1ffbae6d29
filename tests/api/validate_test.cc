#include "api/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace holdfast {
namespace {

using ::testing::HasSubstr;

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;

v1::TaskInfo ATask() {
  v1::TaskInfo task;
  task.set_task_id("t-7");
  task.mutable_command()->set_value("/bin/true");
  return task;
}

v1::TaskInfo ATaskOfAnExecutor() {
  v1::TaskInfo task;
  task.set_task_id("t-7");
  task.mutable_executor()->set_executor_id("e-7");
  task.mutable_executor()->mutable_command()->set_value("/bin/true");
  return task;
}

v1::FrameworkInfo AFramework() {
  v1::FrameworkInfo framework;
  framework.set_framework_id("f-1");
  return framework;
}

absl::Status Validate(const v1::TaskInfo& task) { return ValidateTask(task); }
absl::Status Validate(const v1::FrameworkInfo& framework) {
  return ValidateFramework(framework);
}

// At the limit it is taken, past it it is refused by the field's name.
template <typename Message, typename Set>
void ExpectLimit(Message message, const std::string& field, size_t limit,
                 Set set) {
  set(message, limit);
  EXPECT_TRUE(Validate(message).ok()) << Validate(message);

  set(message, limit + 1);
  const absl::Status past = Validate(message);

  EXPECT_TRUE(absl::IsInvalidArgument(past)) << field << ": " << past;
  EXPECT_THAT(std::string(past.message()), HasSubstr(field));
}

template <typename Message>
void ExpectInvalid(const Message& message, const std::string& field) {
  const absl::Status status = Validate(message);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(field));
}

TEST(ValidateFramework, TakesOneThatHasAnIdAlone) {
  EXPECT_TRUE(ValidateFramework(AFramework()).ok());
}

TEST(ValidateFramework, RefusesABadId) {
  v1::FrameworkInfo framework;

  ExpectInvalid(framework, "framework_id");
}

TEST(ValidateFramework, BoundsItsName) {
  ExpectLimit(AFramework(), "framework name", kKiB, [](auto& it, size_t size) {
    it.set_name(std::string(size, 'x'));
  });
}

TEST(ValidateFramework, BoundsItsCapabilities) {
  ExpectLimit(AFramework(), "capabilities", 64, [](auto& it, size_t count) {
    it.clear_capabilities();
    for (size_t i = 0; i < count; ++i) {
      it.add_capabilities(v1::FrameworkInfo::PARTITION_AWARE);
    }
  });
}

TEST(ValidateFramework, RefusesANegativeFailoverTimeout) {
  v1::FrameworkInfo framework = AFramework();
  framework.mutable_failover_timeout()->set_nanos(-1);

  ExpectInvalid(framework, "failover_timeout");
}

TEST(ValidateFramework, RefusesAFailoverTimeoutForOneThatNeedsNoStream) {
  v1::FrameworkInfo framework = AFramework();
  framework.mutable_failover_timeout()->set_seconds(1);
  framework.set_implicit_acknowledgement(true);

  ExpectInvalid(framework, "failover_timeout");
}

TEST(ValidateFramework, BoundsItsLabels) {
  ExpectLimit(AFramework(), "labels", 64, [](auto& it, size_t count) {
    it.clear_labels();
    for (size_t i = 0; i < count; ++i) it.add_labels()->set_key("k");
  });
}

TEST(ValidateTask, TakesACommandAndAnExecutor) {
  EXPECT_TRUE(ValidateTask(ATask()).ok());
  EXPECT_TRUE(ValidateTask(ATaskOfAnExecutor()).ok());
}

TEST(ValidateTask, RefusesOneWithNothingToRun) {
  v1::TaskInfo task;
  task.set_task_id("t-7");

  ExpectInvalid(task, "task t-7 must have a command or an executor");
}

TEST(ValidateTask, RefusesABadId) {
  v1::TaskInfo task = ATask();
  task.set_task_id("../../etc");

  ExpectInvalid(task, "task_id");
}

TEST(ValidateTask, BoundsItsNameAndItsData) {
  ExpectLimit(ATask(), "task name", kKiB, [](auto& it, size_t size) {
    it.set_name(std::string(size, 'x'));
  });
  ExpectLimit(ATask(), "data", kMiB, [](auto& it, size_t size) {
    it.set_data(std::string(size, 'x'));
  });
}

TEST(ValidateTask, BoundsItsLabels) {
  ExpectLimit(ATask(), "label key", kKiB, [](auto& it, size_t size) {
    it.clear_labels();
    it.add_labels()->set_key(std::string(size, 'x'));
  });
  ExpectLimit(ATask(), "label value", 4 * kKiB, [](auto& it, size_t size) {
    it.clear_labels();
    it.add_labels()->set_value(std::string(size, 'x'));
  });
}

TEST(ValidateTask, RefusesNegativeDurations) {
  v1::TaskInfo grace = ATask(), timeout = ATask();
  grace.mutable_kill_policy()->mutable_grace_period()->set_seconds(-1);
  timeout.mutable_recovery_timeout()->set_nanos(-1);

  ExpectInvalid(grace, "kill_policy.grace_period");
  ExpectInvalid(timeout, "recovery_timeout");
}

TEST(ValidateCommand, BoundsTheCommandLine) {
  ExpectLimit(ATask(), "command", 128 * kKiB, [](auto& it, size_t size) {
    it.mutable_command()->set_value(std::string(size, 'x'));
  });
}

TEST(ValidateCommand, BoundsTheArgumentsInNumberAndSize) {
  ExpectLimit(ATask(), "arguments", 4096, [](auto& it, size_t count) {
    it.mutable_command()->clear_arguments();
    for (size_t i = 0; i < count; ++i) it.mutable_command()->add_arguments("x");
  });
  ExpectLimit(ATask(), "arguments", kMiB, [](auto& it, size_t size) {
    it.mutable_command()->clear_arguments();
    it.mutable_command()->add_arguments(std::string(size - 10, 'x'));
    it.mutable_command()->add_arguments(std::string(10, 'x'));
  });
}

TEST(ValidateCommand, BoundsTheUser) {
  ExpectLimit(ATask(), "user", 256, [](auto& it, size_t size) {
    it.mutable_command()->set_user(std::string(size, 'x'));
  });
}

TEST(ValidateCommand, BoundsTheResourceLimits) {
  ExpectLimit(ATask(), "rlimits", 32, [](auto& it, size_t count) {
    it.mutable_command()->clear_rlimits();
    for (size_t i = 0; i < count; ++i) it.mutable_command()->add_rlimits();
  });
}

TEST(ValidateCommand, RefusesAnEmptyCommandAndNul) {
  v1::TaskInfo empty = ATask(), nul = ATask(), nul_argument = ATask();
  empty.mutable_command()->clear_value();
  nul.mutable_command()->set_value(std::string("a\0b", 3));
  nul_argument.mutable_command()->add_arguments(std::string("a\0b", 3));

  ExpectInvalid(empty, "command must not be empty");
  ExpectInvalid(nul, "must not contain NUL");
  ExpectInvalid(nul_argument, "must not contain NUL");
}

TEST(ValidateCommand, RefusesArgumentsOfAShellLine) {
  v1::TaskInfo task = ATask();
  task.mutable_command()->set_shell(true);
  EXPECT_TRUE(ValidateTask(task).ok());

  task.mutable_command()->add_arguments("lost");

  ExpectInvalid(task, "takes no arguments");
}

TEST(ValidateCommand, WantsAnAbsoluteWorkingDirectory) {
  v1::TaskInfo task = ATask();
  task.mutable_command()->set_working_directory("/");
  EXPECT_TRUE(ValidateTask(task).ok());

  task.mutable_command()->set_working_directory("tmp");

  ExpectInvalid(task, "working_directory \"tmp\" must be an absolute path");
}

v1::Environment::Variable* AddVariable(v1::TaskInfo& task) {
  return task.mutable_command()->mutable_environment()->add_variables();
}

TEST(ValidateEnvironment, BoundsItsVariables) {
  ExpectLimit(ATask(), "environment", 4096, [](auto& it, size_t count) {
    it.mutable_command()->clear_environment();
    for (size_t i = 0; i < count; ++i) AddVariable(it)->set_name("x");
  });
  ExpectLimit(ATask(), "environment variable name", kKiB,
              [](auto& it, size_t size) {
                it.mutable_command()->clear_environment();
                AddVariable(it)->set_name(std::string(size, 'x'));
              });
}

TEST(ValidateEnvironment, BoundsNamesAndValuesTogether) {
  ExpectLimit(ATask(), "environment", kMiB, [](auto& it, size_t size) {
    it.mutable_command()->clear_environment();
    v1::Environment::Variable* variable = AddVariable(it);
    variable->set_name("four");
    variable->set_value(std::string(size - 4, 'x'));
  });
}

TEST(ValidateEnvironment, RefusesNamesThatTheKernelCannotTellFromValues) {
  v1::TaskInfo empty = ATask(), equals = ATask(), nul = ATask();
  AddVariable(empty)->set_value("x");
  AddVariable(equals)->set_name("A=B");
  AddVariable(nul)->set_name("A");
  nul.mutable_command()->mutable_environment()->mutable_variables(0)->set_value(
      std::string("a\0b", 3));

  ExpectInvalid(empty, "without a name");
  ExpectInvalid(equals, "A=B");
  ExpectInvalid(nul, "no NUL");
}

TEST(ValidateResources, BoundsCpusOnBothSides) {
  v1::TaskInfo task = ATask();
  for (const double cpus : {0.01, 1.5, 4096.0}) {
    task.mutable_resources()->set_cpus(cpus);
    EXPECT_TRUE(ValidateTask(task).ok()) << cpus;
  }
  for (const double cpus :
       {0.0, 0.009, -1.0, 4096.01, std::numeric_limits<double>::quiet_NaN(),
        std::numeric_limits<double>::infinity()}) {
    task.mutable_resources()->set_cpus(cpus);
    ExpectInvalid(task, "resources.cpus");
  }
}

TEST(ValidateResources, WantsFourMebibytesAtLeast) {
  v1::TaskInfo task = ATask();
  task.mutable_resources()->set_memory_bytes(4 * kMiB);
  EXPECT_TRUE(ValidateTask(task).ok());

  task.mutable_resources()->set_memory_bytes(4 * kMiB - 1);

  ExpectInvalid(task, "resources.memory_bytes 4194303");
}

TEST(ValidateResources, WantsRoomForOneProcess) {
  v1::TaskInfo task = ATask();
  task.mutable_resources()->set_pids(1);
  EXPECT_TRUE(ValidateTask(task).ok());

  task.mutable_resources()->set_pids(0);

  ExpectInvalid(task, "resources.pids");
}

TEST(ValidateOutput, BoundsFilesInSizeAndNumber) {
  v1::TaskInfo task = ATask();
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{4096}}) {
    task.mutable_output()->set_max_file_bytes(bytes);
    EXPECT_TRUE(ValidateTask(task).ok()) << bytes;
  }
  task.mutable_output()->set_max_file_bytes(4095);
  ExpectInvalid(task, "output.max_file_bytes 4095");

  ExpectLimit(ATask(), "output.max_files", 1000, [](auto& it, size_t count) {
    it.mutable_output()->set_max_files(static_cast<uint32_t>(count));
  });
}

TEST(ValidateExecutor, IsHeldToTheSameLimits) {
  v1::TaskInfo bad_id = ATaskOfAnExecutor(), no_command = ATaskOfAnExecutor();
  bad_id.mutable_executor()->set_executor_id("a/b");
  no_command.mutable_executor()->clear_command();
  v1::TaskInfo small = ATaskOfAnExecutor(), few_bytes = ATaskOfAnExecutor();
  small.mutable_executor()->mutable_resources()->set_memory_bytes(1);
  few_bytes.mutable_executor()->mutable_output()->set_max_file_bytes(1);

  ExpectInvalid(bad_id, "executor_id");
  ExpectInvalid(no_command, "command");
  ExpectInvalid(small, "resources.memory_bytes");
  ExpectInvalid(few_bytes, "output.max_file_bytes");
  ExpectLimit(ATaskOfAnExecutor(), "executor name", kKiB,
              [](auto& it, size_t size) {
                it.mutable_executor()->set_name(std::string(size, 'x'));
              });
}

TEST(ValidateExecutor, RefusesNegativeDurations) {
  v1::TaskInfo grace = ATaskOfAnExecutor(), timeout = ATaskOfAnExecutor();
  grace.mutable_executor()->mutable_shutdown_grace_period()->set_seconds(-1);
  timeout.mutable_executor()->mutable_recovery_timeout()->set_seconds(-1);

  ExpectInvalid(grace, "shutdown_grace_period");
  ExpectInvalid(timeout, "recovery_timeout");
}

}  // namespace
}  // namespace holdfast
