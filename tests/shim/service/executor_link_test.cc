#include "shim/service/executor_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/time_convert.h"
#include "tests/shim/service/shim_pair.h"

namespace holdfast::shim {
namespace {

using ::testing::HasSubstr;

constexpr char kRuns[] = "trap '' TERM; while :; do sleep 0.05; done";

v1::ExecutorCall Subscription() {
  v1::ExecutorCall call;
  call.mutable_subscribe();
  return call;
}

v1::ExecutorCall::Update UpdateOf(const std::string& uuid, v1::TaskState state,
                                  const std::string& task_id = "t-7") {
  v1::ExecutorCall::Update update;
  update.set_uuid(uuid);
  update.mutable_status()->set_task_id(task_id);
  update.mutable_status()->set_state(state);
  return update;
}

v1::ExecutorCall Say(const v1::ExecutorCall::Update& update) {
  v1::ExecutorCall call;
  *call.mutable_update() = update;
  return call;
}

class ExecutorLinkTest : public ShimPairTest {
 protected:
  // Subscribes and waits for `events` events.
  ExecutorStream SubscribeWhole(rpc::GrpcClient& client, size_t events) {
    ExecutorStream stream = ConnectExecutor(client);
    stream.Send(Subscription());
    EXPECT_TRUE(RunUntil([&] { return stream.count() == events; }));
    return stream;
  }
  absl::Status EndOf(ExecutorStream& stream) {
    EXPECT_TRUE(RunUntil([&] { return stream.ended(); }));
    return stream.end();
  }
  void LaunchTask(const std::string& task_id) {
    v1::TaskInfo task;
    task.set_task_id(task_id);
    task.set_data("for " + task_id);
    ASSERT_TRUE(supervisor_->LaunchTask(task).ok());
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, ExecutorLinkTest, kAllModes, ModeName);

TEST_P(ExecutorLinkTest, WelcomesTheExecutorAndGivesItItsTasks) {
  Serve(CustomExecutor(kRuns));
  LaunchTask("t-8");
  const auto client = Connect();

  ExecutorStream stream = SubscribeWhole(*client, 3);

  const auto& events = stream.responses();
  EXPECT_EQ(events[0].subscribed().container_id(), "c-7");
  EXPECT_EQ(events[0].subscribed().executor_id(), "e-7");
  EXPECT_EQ(events[0].subscribed().framework_id(), "f-1");
  EXPECT_EQ(events[1].launch().task().task_id(), "t-7");
  EXPECT_EQ(events[2].launch().task().task_id(), "t-8");
  EXPECT_EQ(events[2].launch().task().data(), "for t-8");
}

TEST_P(ExecutorLinkTest, DeliversATaskThatComesLaterOnce) {
  Serve(CustomExecutor(kRuns));
  const auto client = Connect();
  ExecutorStream stream = SubscribeWhole(*client, 2);

  LaunchTask("t-8");
  LaunchTask("t-8");
  LaunchTask("t-9");

  ASSERT_TRUE(RunUntil([&] { return stream.count() == 4; }));
  EXPECT_EQ(stream.responses()[2].launch().task().task_id(), "t-8");
  EXPECT_EQ(stream.responses()[3].launch().task().task_id(), "t-9");
}

TEST_P(ExecutorLinkTest, AcknowledgesAnUpdateWhenItIsDurable) {
  Serve(CustomExecutor(kRuns));
  const auto client = Connect();
  ExecutorStream stream = SubscribeWhole(*client, 2);

  v1::ExecutorCall::Update update = UpdateOf("u-1", v1::TASK_RUNNING);
  update.mutable_status()->set_message("hello");
  update.mutable_status()->set_data("bytes");
  stream.Send(Say(update));
  ASSERT_TRUE(RunUntil([&] { return stream.count() == 3; }));

  EXPECT_EQ(stream.responses()[2].acknowledged().uuid(), "u-1");
  const auto on_disk = ExecutorJournal::Peek(*files_, JournalPath());
  const v1::StatusUpdate* const stored = on_disk->FindUpdate("u-1");
  ASSERT_NE(stored, nullptr);
  EXPECT_EQ(stored->status().message(), "hello");
  EXPECT_EQ(stored->status().data(), "bytes");
  EXPECT_EQ(stored->status().source(), v1::SOURCE_EXECUTOR);
  EXPECT_TRUE(stored->status().has_timestamp());
}

TEST_P(ExecutorLinkTest, StoresARepeatedUpdateOnce) {
  Serve(CustomExecutor(kRuns));
  const auto client = Connect();
  ExecutorStream stream = SubscribeWhole(*client, 2);

  stream.Send(Say(UpdateOf("u-1", v1::TASK_RUNNING)));
  stream.Send(Say(UpdateOf("u-1", v1::TASK_RUNNING)));
  ASSERT_TRUE(RunUntil([&] { return stream.count() == 4; }));

  EXPECT_EQ(stream.responses()[3].acknowledged().uuid(), "u-1");
  EXPECT_EQ(facts().tasks[0].updates.size(), 1u);
}

TEST_P(ExecutorLinkTest, AcknowledgesAndDropsWhatNobodyWaitsFor) {
  Serve(CustomExecutor(kRuns));
  const auto client = Connect();
  ExecutorStream stream = SubscribeWhole(*client, 2);

  stream.Send(Say(UpdateOf("u-1", v1::TASK_FINISHED)));
  stream.Send(Say(UpdateOf("u-2", v1::TASK_FAILED)));
  stream.Send(Say(UpdateOf("u-3", v1::TASK_RUNNING, "no-such-task")));
  ASSERT_TRUE(RunUntil([&] { return stream.count() == 5; }));

  EXPECT_EQ(facts().tasks[0].state(), v1::TASK_FINISHED);
  EXPECT_EQ(facts().tasks[0].updates.size(), 1u);
}

TEST_P(ExecutorLinkTest, RefusesStatesThatAreNotAnExecutorsToReport) {
  Serve(CustomExecutor(kRuns));
  for (const v1::TaskState state :
       {v1::TASK_STATE_UNSPECIFIED, v1::TASK_STAGING, v1::TASK_LOST,
        v1::TASK_GONE, v1::TASK_UNREACHABLE, v1::TASK_UNKNOWN}) {
    const auto client = Connect();
    ExecutorStream stream = SubscribeWhole(*client, 2);

    stream.Send(Say(UpdateOf("u-1", state)));

    EXPECT_TRUE(absl::IsInvalidArgument(EndOf(stream)))
        << v1::TaskState_Name(state);
  }
  EXPECT_TRUE(facts().tasks[0].updates.empty());
}

TEST_P(ExecutorLinkTest, RefusesAnUpdateWithoutAUuid) {
  Serve(CustomExecutor(kRuns));
  const auto client = Connect();
  ExecutorStream stream = SubscribeWhole(*client, 2);

  stream.Send(Say(UpdateOf("", v1::TASK_RUNNING)));

  EXPECT_TRUE(absl::IsInvalidArgument(EndOf(stream)));
  EXPECT_THAT(std::string(stream.end().message()), HasSubstr("update uuid"));
}

TEST_P(ExecutorLinkTest, RefusesWhatIsOutOfTurn) {
  Serve(CustomExecutor(kRuns));
  const auto client = Connect();
  ExecutorStream early = ConnectExecutor(*client);
  ExecutorStream nothing = ConnectExecutor(*client);
  ExecutorStream nonsense = ConnectExecutor(*client);
  ExecutorStream twice = SubscribeWhole(*client, 2);

  early.Send(Say(UpdateOf("u-1", v1::TASK_RUNNING)));
  nothing.Send(v1::ExecutorCall());
  nonsense.SendBytes("\xff\xff");
  twice.Send(Subscription());

  EXPECT_TRUE(absl::IsFailedPrecondition(EndOf(early))) << early.end();
  EXPECT_TRUE(absl::IsInvalidArgument(EndOf(nothing))) << nothing.end();
  EXPECT_TRUE(absl::IsInvalidArgument(EndOf(nonsense))) << nonsense.end();
  EXPECT_TRUE(absl::IsInvalidArgument(EndOf(twice))) << twice.end();
}

TEST_P(ExecutorLinkTest, DeliversAKillAndTheShutdown) {
  Serve(CustomExecutor(kRuns));
  const auto client = Connect();
  ExecutorStream stream = SubscribeWhole(*client, 2);

  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7", absl::Seconds(3))).ok());
  ASSERT_TRUE(supervisor_->Kill(KillOf("", absl::Seconds(9))).ok());
  ASSERT_TRUE(RunUntil([&] { return stream.count() == 4; }));

  const v1::ExecutorEvent::Kill& kill = stream.responses()[2].kill();
  EXPECT_EQ(kill.task_id(), "t-7");
  EXPECT_EQ(FromProto(kill.grace_period()), absl::Seconds(3));
  EXPECT_EQ(FromProto(stream.responses()[3].shutdown().grace_period()),
            absl::Seconds(9));
}

TEST_P(ExecutorLinkTest, DeliversAKillAfterTheTaskThatItIsOf) {
  Serve(CustomExecutor(kRuns));
  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7")).ok());
  const auto client = Connect();

  ExecutorStream stream = SubscribeWhole(*client, 3);

  EXPECT_EQ(stream.responses()[1].launch().task().task_id(), "t-7");
  EXPECT_EQ(stream.responses()[2].kill().task_id(), "t-7");
}

TEST_P(ExecutorLinkTest, RepeatsToASecondSubscriptionWhatWasNotAnswered) {
  Serve(CustomExecutor(kRuns));
  LaunchTask("t-8");
  const auto first = Connect(), second = Connect();
  ExecutorStream older = SubscribeWhole(*first, 3);
  older.Send(Say(UpdateOf("u-1", v1::TASK_RUNNING)));
  ASSERT_TRUE(RunUntil([&] { return older.count() == 4; }));

  ExecutorStream newer = SubscribeWhole(*second, 2);

  EXPECT_TRUE(absl::IsAborted(EndOf(older))) << older.end();
  EXPECT_EQ(newer.responses()[1].launch().task().task_id(), "t-8");
}

TEST_P(ExecutorLinkTest, RepeatsAKillToASecondSubscription) {
  Serve(CustomExecutor(kRuns));
  auto first = Connect();
  ExecutorStream older = SubscribeWhole(*first, 2);
  older.Send(Say(UpdateOf("u-1", v1::TASK_RUNNING)));
  ASSERT_TRUE(RunUntil([&] { return older.count() == 3; }));
  first.reset();
  RunUntilQuiet();
  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7")).ok());
  const auto second = Connect();

  ExecutorStream newer = SubscribeWhole(*second, 2);

  EXPECT_EQ(newer.responses()[1].kill().task_id(), "t-7")
      << "nobody has told the executor";
}

TEST_P(ExecutorLinkTest, TakesWhatWasNeverAcknowledgedWithTheSubscription) {
  Serve(CustomExecutor(kRuns));
  const auto client = Connect();
  ExecutorStream stream = ConnectExecutor(*client);
  v1::ExecutorCall call = Subscription();
  *call.mutable_subscribe()->add_unacknowledged() =
      UpdateOf("u-1", v1::TASK_RUNNING);
  *call.mutable_subscribe()->add_unacknowledged() =
      UpdateOf("u-2", v1::TASK_FINISHED);

  stream.Send(call);
  ASSERT_TRUE(RunUntil([&] { return stream.count() == 3; }));

  EXPECT_EQ(stream.responses()[1].acknowledged().uuid(), "u-1");
  EXPECT_EQ(stream.responses()[2].acknowledged().uuid(), "u-2");
  EXPECT_EQ(facts().tasks[0].state(), v1::TASK_FINISHED);
  RunUntilQuiet();
  EXPECT_EQ(stream.count(), 3u) << "a task that has ended is not launched";
}

}  // namespace
}  // namespace holdfast::shim
