#include "shim/service/attach_service.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "api/time_convert.h"
#include "base/errors.h"
#include "tests/shim/service/shim_pair.h"

namespace holdfast::shim {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kRuns[] = "exec sleep 1000";
constexpr char kWaits[] = "until [ -e go ]; do sleep 0.02; done; exit 7";

using Event = v1::AttachResponse;

class AttachServiceTest : public ShimPairTest {
 protected:
  template <typename Response, typename Request>
  absl::StatusOr<Response> CallFor(rpc::GrpcClient& client,
                                   const std::string& method,
                                   const Request& request) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes,
                              Answer(client, "/holdfast.v1.Shim/" + method,
                                     request.SerializeAsString()));
    Response response;
    EXPECT_TRUE(response.ParseFromString(bytes));
    return response;
  }
  absl::StatusOr<v1::ShimConfigureResponse> Configure(
      rpc::GrpcClient& client, const v1::ShimConfigureRequest& request) {
    return CallFor<v1::ShimConfigureResponse>(client, "Configure", request);
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, AttachServiceTest, kAllModes, ModeName);

TEST_P(AttachServiceTest, AnswersHelloWithWhatItsJournalSays) {
  Serve(Command(kRuns));
  const auto client = Connect();
  AttachStream stream = Attach(*client);

  stream.Send(Hello());
  ASSERT_TRUE(RunUntil([&] { return stream.count() == 1; }));

  const Event::Snapshot& snapshot = stream.responses()[0].snapshot();
  EXPECT_EQ(snapshot.shim_pid(), getpid());
  ExecutorFacts told;
  for (const v1::JournalRecord& record : snapshot.records()) {
    ASSERT_TRUE(told.Apply(record).ok());
  }
  EXPECT_EQ(told.intent.container_id(), "c-7");
  EXPECT_FALSE(told.intent.has_launch()) << "it has secrets";
  EXPECT_EQ(told.started->pid(), supervisor_->pid());
  EXPECT_EQ(told.tasks[0].state(), v1::TASK_RUNNING);
}

TEST_P(AttachServiceTest, StopsTheFenceOnlyWithConfirm) {
  Serve(Command(kRuns));
  const auto client = Connect();
  AttachStream stream = Attach(*client);
  stream.Send(Hello());
  ASSERT_TRUE(RunUntil([&] { return stream.count() == 1; }));

  Jump(absl::Minutes(15));

  // It may even be over.
  EXPECT_NE(supervisor_->phase(), Phase::kRunning);
  EXPECT_TRUE(supervisor_->facts().fenced.has_value());
}

TEST_P(AttachServiceTest, HoldsTheFenceBackOnceConfirmed) {
  Serve(Command(kRuns));
  const auto client = Connect();

  AttachStream stream = AttachWhole(*client);
  EXPECT_TRUE(stream.responses()[1].has_confirmed());
  Jump(absl::Hours(24));

  EXPECT_EQ(supervisor_->phase(), Phase::kRunning);
}

TEST_P(AttachServiceTest, LetsTheFenceRunWhenTheAgentHasGone) {
  Serve(Command(kRuns));
  auto client = Connect();
  AttachWhole(*client);

  client.reset();
  ASSERT_TRUE(RunUntilDetached());
  Jump(absl::Minutes(15));

  EXPECT_TRUE(facts().fenced.has_value());
}

TEST_P(AttachServiceTest, LetsTheFenceRunWhenTheStreamWasCancelled) {
  Serve(Command(kRuns));
  const auto client = Connect();
  AttachStream stream = AttachWhole(*client);

  stream.Cancel();
  ASSERT_TRUE(RunUntilDetached());
  Jump(absl::Minutes(15));

  EXPECT_TRUE(facts().fenced.has_value());
}

TEST_P(AttachServiceTest, TellsEachRecordAndEndsWithTheExecutor) {
  Serve(Command(kWaits));
  const auto client = Connect();
  AttachStream stream = AttachWhole(*client);

  LetGo();

  EXPECT_TRUE(EndOf(stream).ok()) << stream.end();
  const auto& heard = stream.responses();
  ASSERT_EQ(heard.size(), 4u);
  EXPECT_EQ(heard[2].record().exited().exit_code(), 7);
  EXPECT_EQ(heard[3].record().update().status().exit_code(), 7);
}

TEST_P(AttachServiceTest, TellsOneThatComesTooLateHowItEndedAndEnds) {
  Serve(Command("exit 7"));
  ASSERT_TRUE(RunUntilOver());
  const auto client = Connect();
  AttachStream stream = Attach(*client);

  stream.Send(Hello());

  EXPECT_TRUE(EndOf(stream).ok()) << stream.end();
  ASSERT_EQ(stream.count(), 1u);
  EXPECT_GE(stream.responses()[0].snapshot().records_size(), 4);
}

TEST_P(AttachServiceTest, ServesTheNewerAgentAndEndsTheOlderOnesStream) {
  Serve(Command(kRuns));
  const auto first = Connect(), second = Connect();
  AttachStream older = AttachWhole(*first, "life-1");

  AttachStream newer = AttachWhole(*second, "life-2");

  EXPECT_TRUE(absl::IsAborted(EndOf(older))) << older.end();
  EXPECT_FALSE(newer.ended());
  Jump(absl::Hours(1));
  EXPECT_EQ(supervisor_->phase(), Phase::kRunning)
      << "the older one's end is no loss";
}

TEST_P(AttachServiceTest, RunsTheFenceUntilTheNewerAgentConfirms) {
  Serve(Command(kRuns));
  const auto first = Connect(), second = Connect();
  AttachStream older = AttachWhole(*first, "life-1");
  AttachStream newer = Attach(*second);

  newer.Send(Hello("life-2"));
  ASSERT_TRUE(RunUntil([&] { return newer.count() == 1; }));
  Jump(absl::Minutes(15));

  EXPECT_TRUE(facts().fenced.has_value());
}

TEST_P(AttachServiceTest, RefusesAnotherAgentAndKeepsTheOneItHas) {
  Serve(Command(kRuns));
  const auto client = Connect(), stranger = Connect();
  AttachStream stream = AttachWhole(*client);
  AttachStream strange = Attach(*stranger);

  strange.Send(Hello("life-1", "a-2"));

  EXPECT_TRUE(absl::IsFailedPrecondition(EndOf(strange)));
  EXPECT_THAT(std::string(strange.end().message()),
              AllOf(HasSubstr("belongs to agent a-1"), HasSubstr("a-2")));
  EXPECT_FALSE(stream.ended());
}

TEST_P(AttachServiceTest, TakesAcknowledgementsInOrder) {
  v1::Intent intent = Command(
      "trap '' TERM; echo ready;"
      "while :; do sleep 0.05; done");
  intent.set_task_killing_state(true);
  Serve(intent);
  ASSERT_TRUE(RunUntilOutput("ready"));
  ASSERT_TRUE(supervisor_->Kill(KillOf("t-7")).ok());
  const std::string running = facts().tasks[0].updates[0].uuid();
  const std::string killing = facts().tasks[0].updates[1].uuid();
  const auto client = Connect();
  AttachStream stream = AttachWhole(*client);

  for (const std::string& uuid : {killing, running, running, killing}) {
    stream.Send(AcknowledgementOf(uuid));
  }
  stream.Send(AcknowledgementOf("no such update"));
  ASSERT_TRUE(RunUntil([&] { return stream.count() == 7; }));

  const auto code = [&](size_t at) {
    return static_cast<absl::StatusCode>(
        stream.responses()[at].acknowledged().code());
  };
  EXPECT_EQ(code(2), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(code(3), absl::StatusCode::kOk);
  EXPECT_EQ(code(4), absl::StatusCode::kOk) << "repeated";
  EXPECT_EQ(code(5), absl::StatusCode::kOk);
  EXPECT_EQ(code(6), absl::StatusCode::kNotFound);
  EXPECT_EQ(stream.responses()[3].acknowledged().uuid(), running);
  EXPECT_TRUE(facts().AllAcknowledged());
}

TEST_P(AttachServiceTest, RefusesWhatIsOutOfTurn) {
  Serve(Command(kRuns));
  const auto client = Connect();
  AttachStream confirm = Attach(*client), acknowledge = Attach(*client);
  AttachStream nothing = Attach(*client), nonsense = Attach(*client);

  confirm.Send(Confirm());
  acknowledge.Send(AcknowledgementOf("u-1"));
  nothing.Send(v1::AttachRequest());
  nonsense.SendBytes("\xff\xff");

  EXPECT_TRUE(absl::IsFailedPrecondition(EndOf(confirm)));
  EXPECT_TRUE(absl::IsFailedPrecondition(EndOf(acknowledge)));
  EXPECT_TRUE(absl::IsInvalidArgument(EndOf(nothing)));
  EXPECT_TRUE(absl::IsInvalidArgument(EndOf(nonsense)));
  EXPECT_EQ(supervisor_->phase(), Phase::kRunning);
}

TEST_P(AttachServiceTest, RefusesASecondHello) {
  Serve(Command(kRuns));
  const auto client = Connect();
  AttachStream stream = AttachWhole(*client);

  stream.Send(Hello());

  EXPECT_TRUE(absl::IsInvalidArgument(EndOf(stream))) << stream.end();
}

TEST_P(AttachServiceTest, KillsAndSaysWhatItKnowsNothingOf) {
  Serve(Command(kRuns));
  const auto client = Connect();
  v1::ShimKillRequest request;
  request.set_task_id("t-8");
  request.set_reason(v1::REASON_TASK_KILLED_BY_REQUEST);
  EXPECT_TRUE(absl::IsNotFound(
      Call(*client, "/holdfast.v1.Shim/Kill", request.SerializeAsString())));

  request.set_task_id("t-7");
  request.set_message(std::string(1025, 'm'));
  EXPECT_TRUE(absl::IsInvalidArgument(
      Call(*client, "/holdfast.v1.Shim/Kill", request.SerializeAsString())));
  request.set_message("it had to be");
  request.set_state(v1::TASK_GONE_BY_OPERATOR);
  *request.mutable_grace_period() = ToProto(absl::Hours(1));
  *request.mutable_max_grace_period() = ToProto(absl::Seconds(3));
  EXPECT_TRUE(
      Call(*client, "/holdfast.v1.Shim/Kill", request.SerializeAsString())
          .ok());

  ASSERT_TRUE(facts().tasks[0].kill.has_value());
  EXPECT_EQ(facts().tasks[0].kill->message(), "it had to be");
  EXPECT_EQ(facts().tasks[0].kill->state(), v1::TASK_GONE_BY_OPERATOR);
  EXPECT_EQ(FromProto(facts().tasks[0].kill->grace_period()), absl::Seconds(3));
  EXPECT_TRUE(RunUntilOver());
}

TEST_P(AttachServiceTest, LaunchesFurtherTasksOfACustomExecutorAlone) {
  Serve(Command(kRuns));
  const auto client = Connect();
  v1::ShimLaunchTaskRequest request;
  request.mutable_task()->set_task_id("t-8");

  EXPECT_TRUE(absl::IsFailedPrecondition(Call(
      *client, "/holdfast.v1.Shim/LaunchTask", request.SerializeAsString())));
  EXPECT_EQ(facts().FindTask("t-8"), nullptr);
}

TEST_P(AttachServiceTest, ConfiguresTheRecoveryTimeout) {
  Serve(Command(kRuns));
  const auto client = Connect();
  v1::ShimConfigureRequest request;
  *request.mutable_recovery_timeout() = ToProto(absl::Seconds(30));

  ASSERT_TRUE(
      Call(*client, "/holdfast.v1.Shim/Configure", request.SerializeAsString())
          .ok());
  Jump(absl::Seconds(30));

  EXPECT_TRUE(facts().fenced.has_value());
}

TEST_P(AttachServiceTest, RefusesToConfigureNothing) {
  Serve(Command(kRuns));
  const auto client = Connect();

  const absl::Status empty = Call(*client, "/holdfast.v1.Shim/Configure", "");
  v1::ShimConfigureRequest request;
  *request.mutable_recovery_timeout() = ToProto(-absl::Seconds(1));
  const absl::Status negative =
      Call(*client, "/holdfast.v1.Shim/Configure", request.SerializeAsString());

  EXPECT_TRUE(absl::IsInvalidArgument(empty)) << empty;
  EXPECT_TRUE(absl::IsInvalidArgument(negative)) << negative;
  RunUntilQuiet();
  EXPECT_EQ(supervisor_->phase(), Phase::kRunning);
}

TEST_P(AttachServiceTest, ChangesWhatIsSetAndKeepsTheRest) {
  Serve(Command(kRuns));
  const auto client = Connect();
  v1::ShimConfigureRequest timeout, pause, extend, resources;
  *timeout.mutable_recovery_timeout() = ToProto(absl::Seconds(30));
  pause.set_fence_paused(true);
  *extend.mutable_extend_fence() = ToProto(absl::Hours(2));
  resources.mutable_resources()->set_pids(9);

  for (const auto& request : {timeout, pause, extend, resources}) {
    ASSERT_TRUE(Configure(*client, request).ok());
  }
  Jump(absl::Hours(24));

  EXPECT_EQ(supervisor_->phase(), Phase::kRunning);
  const v1::Limits& limits = *facts().limits;
  EXPECT_EQ(FromProto(limits.recovery_timeout()), absl::Seconds(30));
  EXPECT_TRUE(limits.fence_paused());
  EXPECT_GT(FromProto(limits.fence_not_before()), absl::Hours(2));
  EXPECT_EQ(limits.resources().pids(), 9u);
  EXPECT_TRUE(limits.has_time());
}

TEST_P(AttachServiceTest, SaysHowTheFenceStandsOnceItIsChanged) {
  Serve(Command(kRuns));
  const auto client = Connect();
  v1::ShimConfigureRequest extend;
  *extend.mutable_extend_fence() = ToProto(absl::Hours(2));

  const v1::FenceStatus fence = Configure(*client, extend)->fence();

  EXPECT_EQ(fence.state(), v1::FenceStatus::DETACHED);
  EXPECT_GT(FromProto(fence.remaining()), absl::Minutes(119));
  EXPECT_LE(FromProto(fence.remaining()), absl::Hours(2));
}

TEST_P(AttachServiceTest, ChangesNoFenceOfOneThatEndsWithItsAgent) {
  v1::Intent intent = Command(kRuns);
  intent.set_checkpoint(false);
  Serve(intent);
  const auto client = Connect();
  AttachStream stream = AttachWhole(*client);
  v1::ShimConfigureRequest pause, resources;
  pause.set_fence_paused(true);
  resources.mutable_resources()->set_pids(9);

  EXPECT_TRUE(absl::IsFailedPrecondition(Configure(*client, pause).status()));
  EXPECT_TRUE(Configure(*client, resources).ok());
}

TEST_P(AttachServiceTest, TellsItsStateToOneThatDoesNotAttach) {
  Serve(Command(kRuns));
  Jump(absl::Minutes(5));
  auto client = Connect();

  const auto status = CallFor<v1::ShimStatusResponse>(*client, "Status",
                                                      v1::ShimStatusRequest());
  ASSERT_TRUE(status.ok()) << status.status();

  EXPECT_EQ(status->snapshot().shim_pid(), getpid());
  EXPECT_GE(status->snapshot().records_size(), 3);
  EXPECT_FALSE(status->snapshot().records(0).intent().has_launch());
  EXPECT_EQ(status->fence().state(), v1::FenceStatus::DETACHED);
  EXPECT_LE(FromProto(status->fence().remaining()), absl::Minutes(10));
  client.reset();
  Jump(absl::Minutes(10));
  EXPECT_TRUE(facts().fenced.has_value()) << "its clock was touched";
}

TEST_P(AttachServiceTest, EndsNobodyBecauseALookerOnHasGone) {
  v1::Intent intent = Command(kRuns);
  intent.set_checkpoint(false);
  Serve(intent);
  auto looker_on = Connect();
  ASSERT_TRUE(CallFor<v1::ShimStatusResponse>(*looker_on, "Status",
                                              v1::ShimStatusRequest())
                  .ok());

  looker_on.reset();
  RunUntilQuiet();

  EXPECT_EQ(supervisor_->phase(), Phase::kRunning)
      << "the agent has still to attach";
}

TEST_P(AttachServiceTest, SignalsTheFirstProcess) {
  Serve(
      Command("trap 'echo told' USR1; echo ready;"
              "while :; do sleep 0.02; done"));
  ASSERT_TRUE(RunUntilOutput("ready"));
  const auto client = Connect();
  v1::ShimSignalRequest request;
  const auto signal = [&](int number) {
    request.set_signal(number);
    return Call(*client, "/holdfast.v1.Shim/Signal",
                request.SerializeAsString());
  };

  EXPECT_TRUE(signal(SIGUSR1).ok());
  EXPECT_TRUE(RunUntilOutput("told"));
  EXPECT_TRUE(absl::IsInvalidArgument(signal(0)));
  EXPECT_TRUE(absl::IsInvalidArgument(signal(65)));
  EXPECT_TRUE(signal(SIGKILL).ok());
  ASSERT_TRUE(RunUntilOver());
  EXPECT_TRUE(absl::IsFailedPrecondition(signal(SIGUSR1)));
  EXPECT_EQ(LastStatus().signal(), SIGKILL);
}

TEST_P(AttachServiceTest, MakesItsJournalGood) {
  Serve(Command(kRuns));
  const auto client = Connect();
  const UniqueFd journal(open(JournalPath().c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(pwrite(journal.get(), "XXXX", 4, 40), 4);
  ASSERT_TRUE(
      absl::IsDataLoss(ExecutorJournal::Peek(*files_, JournalPath()).status()));

  const auto repaired = CallFor<v1::ShimRepairJournalResponse>(
      *client, "RepairJournal", v1::ShimRepairJournalRequest());
  ASSERT_TRUE(repaired.ok()) << repaired.status();

  EXPECT_TRUE(repaired->rewritten());
  EXPECT_EQ(repaired->kept_as(), JournalPath() + ".damaged-1");
  const auto read = ExecutorJournal::Peek(*files_, JournalPath());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->started->pid(), supervisor_->pid());
}

TEST_P(AttachServiceTest, RefusesNonsense) {
  Serve(CustomExecutor(kRuns));
  const auto client = Connect();

  for (const char* method :
       {"LaunchTask", "Kill", "Configure", "Signal", "Status"}) {
    const absl::Status status = Call(
        *client, std::string("/holdfast.v1.Shim/") + method, "\xff\xff\xff");
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << method << ": " << status;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(
      Call(*client, "/holdfast.v1.Shim/LaunchTask", "")))
      << "a task without an id";
  EXPECT_EQ(supervisor_->phase(), Phase::kRunning);
}

}  // namespace
}  // namespace holdfast::shim
