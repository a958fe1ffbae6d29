#include "plugin/launch/intent_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "api/time_convert.h"
#include "tests/plugin/launch/launch_requests.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kUnlimited = ~uint64_t{0};

v1::Intent Build(const LaunchRequest& request) {
  absl::StatusOr<v1::Intent> intent = BuildIntent(request, kLayout);
  EXPECT_TRUE(intent.ok()) << intent.status();
  return intent.value_or(v1::Intent());
}

TEST(IntentBuilder, NamesWhoseLaunchItIs) {
  const LaunchRequest request = LaunchOf("/bin/true");

  const v1::Intent intent = Build(request);

  EXPECT_EQ(intent.container_id(), "c-7");
  EXPECT_EQ(intent.agent_id(), "a-1");
  EXPECT_EQ(intent.framework_id(), "f-1");
  EXPECT_EQ(intent.executor_id(), "t-7") << "a command task's own";
  EXPECT_EQ(intent.boot_id(), "boot-1");
  EXPECT_EQ(FromProto(intent.time()), request.time);
  EXPECT_TRUE(intent.checkpoint());
  EXPECT_FALSE(intent.task_killing_state());
  EXPECT_EQ(intent.task().task_id(), "t-7");
  EXPECT_FALSE(intent.launch().custom());
}

TEST(IntentBuilder, NamesACustomExecutor) {
  const v1::Intent intent = Build(LaunchOfExecutor());

  EXPECT_EQ(intent.executor_id(), "e-7");
  EXPECT_TRUE(intent.launch().custom());
  EXPECT_THAT(intent.launch().argv(), ElementsAre("/bin/run"));
}

TEST(IntentBuilder, AsksForTaskKillingWhereTheFrameworkWantsIt) {
  LaunchRequest request = LaunchOf("/bin/true");
  request.framework.add_capabilities(v1::FrameworkInfo::PARTITION_AWARE);
  request.framework.add_capabilities(v1::FrameworkInfo::TASK_KILLING_STATE);

  EXPECT_TRUE(Build(request).task_killing_state());
}

TEST(IntentBuilder, PassesArgumentsOnAsTheyAre) {
  const v1::LaunchSpec spec =
      Build(LaunchOf("/bin/echo", {"a b", "", "$HOME", "*"})).launch();

  EXPECT_THAT(spec.argv(), ElementsAre("/bin/echo", "a b", "", "$HOME", "*"));
}

TEST(IntentBuilder, GivesAShellLineToTheShell) {
  LaunchRequest request = LaunchOf("echo $HOME; exit 3");
  request.task.mutable_command()->set_shell(true);

  const v1::LaunchSpec spec = Build(request).launch();

  EXPECT_THAT(spec.argv(), ElementsAre("/bin/sh", "-c", "echo $HOME; exit 3"));
  EXPECT_THAT(spec.search_path(), ElementsAre("/bin/sh"));
}

TEST(IntentBuilder, RunsInTheSandboxUnlessToldWhere) {
  LaunchRequest request = LaunchOf("/bin/true");
  EXPECT_EQ(Build(request).launch().working_directory(),
            "/w/executors/c-7/sandbox");
  request.framework.set_checkpoint(false);
  EXPECT_EQ(Build(request).launch().working_directory(),
            "/r/executors/c-7/sandbox");

  request.task.mutable_command()->set_working_directory("/tmp");

  EXPECT_EQ(Build(request).launch().working_directory(), "/tmp");
}

v1::RLimit& AddLimit(LaunchRequest& request, const std::string& type) {
  v1::RLimit& limit = *request.task.mutable_command()->add_rlimits();
  limit.set_type(type);
  return limit;
}

TEST(IntentBuilder, ResolvesResourceLimits) {
  LaunchRequest request = LaunchOf("/bin/true");
  AddLimit(request, "CORE");
  v1::RLimit& both = AddLimit(request, "NOFILE");
  both.set_soft(10);
  both.set_hard(20);
  AddLimit(request, "NPROC").set_soft(30);
  AddLimit(request, "STACK").set_hard(40);

  const v1::LaunchSpec spec = Build(request).launch();

  ASSERT_EQ(spec.limits_size(), 4);
  const auto expect = [&](int at, int resource, uint64_t soft, uint64_t hard) {
    EXPECT_EQ(spec.limits(at).resource(), resource);
    EXPECT_EQ(spec.limits(at).soft(), soft);
    EXPECT_EQ(spec.limits(at).hard(), hard);
  };
  expect(0, RLIMIT_CORE, kUnlimited, kUnlimited);
  expect(1, RLIMIT_NOFILE, 10, 20);
  expect(2, RLIMIT_NPROC, 30, 30);
  expect(3, RLIMIT_STACK, 40, 40);
}

TEST(IntentBuilder, RefusesAResourceLimitThatThereIsNot) {
  LaunchRequest request = LaunchOf("/bin/true");
  AddLimit(request, "RLIMIT_NOFILE");

  const absl::Status status = BuildIntent(request, kLayout).status();

  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"RLIMIT_NOFILE\""));
}

TEST(IntentBuilder, FillsInHowMuchOutputIsKept) {
  const v1::LaunchSpec spec = Build(LaunchOf("/bin/true")).launch();

  EXPECT_EQ(spec.output_directory(), "/w/executors/c-7");
  EXPECT_EQ(spec.output().max_file_bytes(), 16u * 1024 * 1024);
  EXPECT_EQ(spec.output().max_files(), 8u);
}

TEST(IntentBuilder, KeepsAsMuchOutputAsWasAskedFor) {
  LaunchRequest task = LaunchOf("/bin/true"), executor = LaunchOfExecutor();
  for (v1::OutputPolicy* output :
       {task.task.mutable_output(),
        executor.task.mutable_executor()->mutable_output()}) {
    output->set_max_file_bytes(4096);
    output->set_max_files(1);
  }

  for (const LaunchRequest& request : {task, executor}) {
    const v1::LaunchSpec spec = Build(request).launch();
    EXPECT_EQ(spec.output().max_file_bytes(), 4096u);
    EXPECT_EQ(spec.output().max_files(), 1u);
  }
}

TEST(IntentBuilder, TakesTheTasksRecoveryTimeoutBeforeTheAgents) {
  LaunchRequest request = LaunchOf("/bin/true");
  EXPECT_EQ(FromProto(Build(request).recovery_timeout()), absl::Minutes(15));

  *request.task.mutable_recovery_timeout() = ToProto(absl::Seconds(7));
  EXPECT_EQ(FromProto(Build(request).recovery_timeout()), absl::Seconds(7));

  LaunchRequest executor = LaunchOfExecutor();
  *executor.task.mutable_executor()->mutable_recovery_timeout() =
      ToProto(absl::ZeroDuration());
  EXPECT_TRUE(Build(executor).has_recovery_timeout());
  EXPECT_EQ(FromProto(Build(executor).recovery_timeout()),
            absl::ZeroDuration());
}

TEST(IntentBuilder, LeavesAnInfiniteRecoveryTimeoutOut) {
  LaunchRequest request = LaunchOf("/bin/true");
  request.recovery_timeout = absl::InfiniteDuration();

  EXPECT_FALSE(Build(request).has_recovery_timeout());
}

TEST(IntentBuilder, TakesTheExecutorsGraceBeforeTheAgents) {
  LaunchRequest request = LaunchOfExecutor();
  EXPECT_EQ(FromProto(Build(request).launch().grace_period()),
            absl::Seconds(5));

  *request.task.mutable_executor()->mutable_shutdown_grace_period() =
      ToProto(absl::Seconds(9));

  EXPECT_EQ(FromProto(Build(request).launch().grace_period()),
            absl::Seconds(9));
}

TEST(IntentBuilder, TakesLimitsFromWhoTheGroupIsFor) {
  v1::TaskInfo command, executor;
  command.mutable_command();
  command.mutable_resources()->set_pids(7);
  executor.mutable_executor()->mutable_resources()->set_memory_bytes(1 << 24);
  executor.mutable_executor()->mutable_resources()->set_cpus(0.5);
  executor.mutable_resources()->set_pids(7);

  EXPECT_EQ(LimitsOf(command).pids, 7u);
  EXPECT_FALSE(LimitsOf(command).memory_bytes || LimitsOf(command).cpus);
  EXPECT_EQ(LimitsOf(executor).memory_bytes, 1u << 24);
  EXPECT_EQ(LimitsOf(executor).cpus, 0.5);
  EXPECT_FALSE(LimitsOf(executor).pids) << "a task of it has none of its own";
}

TEST(IntentBuilder, AddsTheGroupsThatWereMade) {
  v1::LaunchSpec spec;

  AddGroups({.shim_procs_file = "/g/shim/cgroup.procs",
             .cgroup_directory = "/g/executor",
             .freezer_directory = "/f",
             .join_files = {"/a/cgroup.procs", "/b/cgroup.procs"},
             .oom_file = "/g/executor/memory.events"},
            spec);

  EXPECT_EQ(spec.cgroup_directory(), "/g/executor");
  EXPECT_EQ(spec.freezer_directory(), "/f");
  EXPECT_THAT(spec.join_files(),
              ElementsAre("/a/cgroup.procs", "/b/cgroup.procs"));
  EXPECT_EQ(spec.oom_file(), "/g/executor/memory.events");
}

}  // namespace
}  // namespace holdfast
