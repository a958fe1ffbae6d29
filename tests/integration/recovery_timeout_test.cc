// The fence: an executor whose agent does not come back ends in time, and
// nothing but a completed attach exchange is a coming back.

#include <signal.h>

#include "absl/strings/str_cat.h"
#include "api/shim.grpc.pb.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel_posix.h"
#include "grpcpp/grpcpp.h"
#include "hack/local_agent/cgroup_sweep.h"
#include "tests/integration/agent_fixture.h"
#include "tests/integration/raw_socket.h"

namespace holdfast {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(3);
constexpr absl::Duration kTolerance = absl::Milliseconds(500);

class RecoveryTimeout : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    Register(kFramework);
    Watch(kFramework);
    task_ = Launch(WithRecoveryTimeout(
        WithGrace(ShellTask("fenced", "sleep 1000"), absl::Seconds(5)),
        kTimeout));
    executor_.emplace(task_.pid());
    shim_.emplace(task_.shim_pid());
    AwaitRunning({"fenced"});
  }

  std::string ShimSocket() {
    return absl::StrCat(agent().runtime_dir(), "/shims/", task_.container_id(),
                        "/shim.sock");
  }

  // What every way of not coming back leads to.
  void ExpectFenced(absl::Time lost) {
    const absl::Duration lived =
        executor_->WaitForEnd(kTimeout + absl::Seconds(10)) - lost;
    EXPECT_GE(lived, kTimeout - kTolerance);
    EXPECT_LE(lived, kTimeout + kTolerance);
    shim_->WaitForEnd(absl::Seconds(10));
    EXPECT_THAT(hack::ProcessesBelow(agent().cgroups_root()),
                testing::IsEmpty());
  }

  void ExpectToldOfTheFence() {
    const v1::TaskStatus end = AwaitEnd("fenced");
    EXPECT_EQ(end.state(), v1::TASK_FAILED);
    EXPECT_EQ(end.reason(), v1::REASON_RECOVERY_TIMEOUT);
    EXPECT_EQ(end.signal(), SIGTERM);
    EXPECT_THAT(end.message(), testing::HasSubstr("recovery_timeout"));
    EXPECT_EQ(ledger().Get("fenced").updates.size(), 2u);
  }

  v1::Task task_;
  std::optional<ProcessWatch> executor_;
  std::optional<ProcessWatch> shim_;
};

TEST_F(RecoveryTimeout, EndsTheExecutorOfAnAgentThatStaysAway) {
  const absl::Time lost = absl::Now();
  KillAgent();

  ExpectFenced(lost);

  StartAgent();
  ExpectToldOfTheFence();
}

TEST_F(RecoveryTimeout, EndsAnExecutorThatIgnoresSigtermAfterItsGrace) {
  const v1::Task stubborn = Launch(WithRecoveryTimeout(
      WithGrace(
          ShellTask("stubborn", "trap '' TERM; while :; do sleep 1; done"),
          absl::Seconds(1)),
      kTimeout));
  const ProcessWatch executor(stubborn.pid());
  AwaitRunning({"stubborn"});
  const absl::Time lost = absl::Now();
  KillAgent();

  const absl::Duration lived = executor.WaitForEnd(absl::Seconds(15)) - lost;

  EXPECT_GE(lived, kTimeout + absl::Seconds(1) - kTolerance);
  EXPECT_LE(lived, kTimeout + absl::Seconds(1) + kTolerance);
  StartAgent();
  EXPECT_EQ(AwaitEnd("stubborn").reason(), v1::REASON_RECOVERY_TIMEOUT);
  EXPECT_EQ(AwaitEnd("stubborn").signal(), SIGKILL);
}

TEST_F(RecoveryTimeout, LeavesTheExecutorOfAnAgentThatCameBackInTime) {
  KillAgent();
  EXPECT_FALSE(Eventually([&] { return !executor_->Runs(); },
                          kTimeout - absl::Seconds(1)));
  RestartAgent();

  // Longer than the old clock would have taken.
  EXPECT_FALSE(Eventually([&] { return !executor_->Runs(); },
                          kTimeout + absl::Seconds(1)));

  EXPECT_EQ(Get("fenced").task().pid(), task_.pid());
  EXPECT_TRUE(Get("fenced").task().attached());
  EXPECT_EQ(ledger().Get("fenced").updates.size(), 1u);  // TASK_RUNNING
}

TEST_F(RecoveryTimeout, IsNotStoppedByAnAgentThatHangsBeforeItAttaches) {
  const absl::Time lost = absl::Now();
  KillAgent();
  // Before main, and somewhere in what a start takes.
  for (const int delay_ms : {0, 1, 2, 4}) {
    if (agent().pid() != 0) {
      ASSERT_TRUE(agent().KillHard().ok());
    }
    ASSERT_TRUE(agent().Spawn().ok());
    absl::SleepFor(absl::Milliseconds(delay_ms));
    ASSERT_TRUE(agent().Signal(SIGSTOP).ok());
  }

  ExpectFenced(lost);

  ASSERT_TRUE(agent().KillHard().ok());
  StartAgent();
  ExpectToldOfTheFence();
}

TEST_F(RecoveryTimeout, IsNotStoppedByABareConnection) {
  const absl::Time lost = absl::Now();
  KillAgent();
  RawSocket silent(ShimSocket());
  // Nor does the end of one begin it anew.
  for (int i = 0; i < 20; ++i) {
    RawSocket(ShimSocket()).Send(kHttp2Preface);
    absl::SleepFor(absl::Milliseconds(100));
  }

  ExpectFenced(lost);

  StartAgent();
  ExpectToldOfTheFence();
}

// An agent that says hello, reads what it is told, and never confirms.
class HalfAttached {
 public:
  HalfAttached(const std::string& socket, const std::string& agent_id)
      : stub_(v1::Shim::NewStub(grpc::CreateInsecureChannelFromFd(
            "shim", RawSocket(socket).ReleaseNonBlocking()))) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(30)));
    stream_ = stub_->Attach(&context_);
    v1::AttachRequest request;
    request.mutable_hello()->set_agent_id(agent_id);
    request.mutable_hello()->set_agent_incarnation("half");
    EXPECT_TRUE(stream_->Write(request));
    v1::AttachResponse response;
    EXPECT_TRUE(stream_->Read(&response));
    EXPECT_TRUE(response.has_snapshot());
  }
  ~HalfAttached() { context_.TryCancel(); }

 private:
  std::unique_ptr<v1::Shim::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<
      grpc::ClientReaderWriter<v1::AttachRequest, v1::AttachResponse>>
      stream_;
};

TEST_F(RecoveryTimeout, IsNotStoppedByAHelloWithoutAConfirm) {
  const std::string agent_id =
      Must(client().Call(&Stub::GetAgent, v1::GetAgentRequest()))
          .agent()
          .agent_id();
  const absl::Time lost = absl::Now();
  KillAgent();
  const HalfAttached half(ShimSocket(), agent_id);

  ExpectFenced(lost);

  StartAgent();
  ExpectToldOfTheFence();
}

// The newer one ends the older one's attachment and has none of its own yet.
TEST_F(RecoveryTimeout, BeginsWhenAnAgentIsReplacedByOneThatNeverConfirms) {
  const std::string agent_id =
      Must(client().Call(&Stub::GetAgent, v1::GetAgentRequest()))
          .agent()
          .agent_id();
  ASSERT_TRUE(agent().Signal(SIGSTOP).ok());
  const absl::Time lost = absl::Now();
  const HalfAttached half(ShimSocket(), agent_id);

  ExpectFenced(lost);

  KillAgent();
  StartAgent();
  ExpectToldOfTheFence();
}

}  // namespace
}  // namespace holdfast
