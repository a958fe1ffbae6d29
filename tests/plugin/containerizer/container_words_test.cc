#include "plugin/containerizer/container_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/reasons.h"
#include "api/time_convert.h"
#include "tests/shim/bundle/records.h"

namespace holdfast {
namespace {

using testing::HasSubstr;
using State = v1::RecoverResponse;

v1::ContainerConfig AConfig() {
  v1::ContainerConfig config;
  config.mutable_command()->set_value("run");
  config.mutable_command()->add_arguments("a b");
  config.mutable_resources()->set_pids(9);
  *config.mutable_kill_policy()->mutable_grace_period() =
      ToProto(absl::Seconds(3));
  *config.mutable_recovery_timeout() = ToProto(absl::Minutes(2));
  config.mutable_output()->set_max_files(4);
  config.add_labels()->set_key("tier");
  config.set_checkpoint(true);
  return config;
}

ExecutorFacts FactsOf(const std::vector<v1::JournalRecord>& records) {
  ExecutorFacts facts;
  for (const v1::JournalRecord& record : records) {
    const absl::Status applied = facts.Apply(record);
    EXPECT_TRUE(applied.ok()) << applied;
  }
  return facts;
}

TEST(ContainerWords, MakeATaskOfAllThatAConfigSays) {
  const v1::ContainerConfig config = AConfig();

  const v1::TaskInfo task = TaskOf("c-1", config);

  EXPECT_EQ(task.task_id(), "c-1");
  EXPECT_EQ(task.command().arguments(0), "a b");
  EXPECT_EQ(task.resources().pids(), 9u);
  EXPECT_EQ(FromProto(task.kill_policy().grace_period()), absl::Seconds(3));
  EXPECT_EQ(FromProto(task.recovery_timeout()), absl::Minutes(2));
  EXPECT_EQ(task.output().max_files(), 4u);
  EXPECT_EQ(task.labels(0).key(), "tier");
  // Whoever adds a field to a config has to say here what becomes of it.
  EXPECT_EQ(v1::ContainerConfig::descriptor()->field_count(), 7);
}

TEST(ContainerWords, LeaveUnsetWhatAConfigDoesNotSay) {
  v1::ContainerConfig config;
  config.mutable_command()->set_value("run");

  const v1::TaskInfo task = TaskOf("c-1", config);

  EXPECT_FALSE(task.has_recovery_timeout()) << "the plugin's own";
  EXPECT_FALSE(task.has_resources());
  EXPECT_FALSE(task.has_kill_policy());
}

TEST(ContainerWords, NameWhatANewerOwnerAsksFor) {
  v1::ContainerConfig config = AConfig();
  EXPECT_EQ(WhatIsNotSupported(config), "");

  config.GetReflection()->MutableUnknownFields(&config)->AddVarint(99, 1);
  EXPECT_THAT(WhatIsNotSupported(config),
              HasSubstr("field 99 of config is not known"));

  v1::ContainerConfig deep = AConfig();
  v1::CommandInfo& command = *deep.mutable_command();
  command.GetReflection()->MutableUnknownFields(&command)->AddVarint(42, 1);
  EXPECT_THAT(WhatIsNotSupported(deep),
              HasSubstr("field 42 of config.command"));

  v1::ContainerConfig listed = AConfig();
  v1::Label& label = *listed.mutable_labels(0);
  label.GetReflection()->MutableUnknownFields(&label)->AddVarint(7, 1);
  EXPECT_THAT(WhatIsNotSupported(listed),
              HasSubstr("field 7 of config.labels"));
}

TEST(ContainerWords, TellAnEndAsItsUpdateDoes) {
  v1::TaskStatus status;
  status.set_state(v1::TASK_FAILED);
  status.set_reason(v1::REASON_CONTAINER_LIMITATION_MEMORY);
  status.set_message("out of memory");
  status.set_signal(9);
  status.set_oom_killed(true);
  *status.mutable_start_time() = ToProto(absl::FromUnixSeconds(5));
  *status.mutable_end_time() = ToProto(absl::FromUnixSeconds(6));

  const v1::ContainerTermination end = TerminationOf(status);

  EXPECT_FALSE(end.has_exit_code());
  EXPECT_EQ(end.signal(), 9);
  EXPECT_TRUE(end.oom_killed());
  EXPECT_EQ(end.state(), v1::TASK_FAILED);
  EXPECT_EQ(end.reason(), v1::REASON_CONTAINER_LIMITATION_MEMORY);
  EXPECT_EQ(end.message(), "out of memory");
  EXPECT_EQ(end.start_time().seconds(), 5);
  EXPECT_EQ(end.end_time().seconds(), 6);
}

TEST(ContainerWords, TimeAnEndWithoutTimeByItsUpdate) {
  v1::TaskStatus status;  // of a launch that did not succeed
  *status.mutable_timestamp() = ToProto(absl::FromUnixSeconds(7));

  EXPECT_EQ(TerminationOf(status).end_time().seconds(), 7);
  EXPECT_FALSE(TerminationOf(status).has_start_time());
}

TEST(ContainerWords, SayWhatStateAJournalMeans) {
  const ExecutorFacts intended = FactsOf({IntentRecord()});
  const ExecutorFacts started = FactsOf({IntentRecord(), StartedRecord(42)});
  const ExecutorFacts ended =
      FactsOf({IntentRecord(), StartedRecord(42),
               UpdateRecord(1, "u-1", v1::TASK_FINISHED)});

  EXPECT_EQ(StateOf(intended, true), State::UNKNOWN);
  EXPECT_EQ(StateOf(intended, false), State::UNKNOWN);
  EXPECT_EQ(StateOf(started, true), State::RUNNING);
  EXPECT_EQ(StateOf(started, false), State::UNATTACHED);
  EXPECT_EQ(StateOf(ended, true), State::ENDED);
  EXPECT_EQ(StateOf(ended, false), State::ENDED);
  EXPECT_EQ(FindEnd(started), nullptr);
  ASSERT_NE(FindEnd(ended), nullptr);
  EXPECT_EQ(FindEnd(ended)->state(), v1::TASK_FINISHED);
  EXPECT_EQ(PidOf(intended), 0);
  EXPECT_EQ(PidOf(ended), 42);
}

TEST(ContainerWords, NameAContainerWhereTheAgentNamesATask) {
  const absl::Status unknown = InOwnersWords(
      WithReason(absl::NotFoundError("task c-1: none"), "TASK_UNKNOWN"),
      "mesos", "c-1");
  const absl::Status other = absl::UnavailableError("try again");

  EXPECT_TRUE(absl::IsNotFound(unknown));
  EXPECT_EQ(ReasonOf(unknown), "CONTAINER_UNKNOWN");
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("container c-1"));
  EXPECT_EQ(InOwnersWords(other, "mesos", "c-1"), other);
}

TEST(ContainerWords, LeaveUnsetWhatTheKernelDoesNotCount) {
  CgroupUsage usage;
  usage.memory_bytes = 4096;
  v1::ContainerUsageResponse response;

  FillUsage(usage, response);

  EXPECT_EQ(response.memory_bytes(), 4096u);
  EXPECT_FALSE(response.has_cpu_usec());
  EXPECT_FALSE(response.has_oom_kills());
}

}  // namespace
}  // namespace holdfast
