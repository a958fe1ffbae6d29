// What becomes of a container whose containerd does not come back, and of the
// shim that was given up.
#include <signal.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "api/containerd/events.pb.h"
#include "base/files.h"
#include "shim/bundle/executor_journal.h"
#include "tests/containerd/fifos.h"
#include "tests/containerd/leftovers.h"
#include "tests/containerd/script.h"
#include "tests/fakes/slowness.h"
#include "tests/integration/process_watch.h"

namespace holdfast::containerd {
namespace {

const std::vector<std::string> kHeedful = {
    "/bin/sh", "-c", "trap 'exit 4' TERM; sleep 1000 & wait"};

class FenceTest : public ScriptTest {
 protected:
  void SetUp() override {
    ShimTest::SetUp();
    if (IsSkipped()) return;
    if (!OurShim().IsThere()) GTEST_SKIP() << "this build has no shim of ours";
  }
  // "", where there is no such file.
  std::string Journal() const {
    for (const std::string& file : FilesBelow(holdfast_directory())) {
      if (absl::EndsWith(file, "/journal")) return file;
    }
    return "";
  }
  ExecutorFacts Facts() const {
    auto facts = ExecutorJournal::Peek(SystemFiles(), Journal());
    EXPECT_TRUE(facts.ok()) << facts.status();
    return facts.value_or(ExecutorFacts());
  }
  // The pid of its init.
  pid_t Run(TtrpcCaller& caller) {
    TaskClient client(caller);
    task::StartRequest start;
    start.set_id("c1");
    EXPECT_TRUE(
        client.Call<task::CreateTaskResponse>("Create", Request("c1")).ok());
    const auto started = client.Call<task::StartResponse>("Start", start);
    EXPECT_TRUE(started.ok()) << started.status();
    return started.ok() ? static_cast<pid_t>(started->pid()) : 0;
  }
  std::unique_ptr<TtrpcCaller> DialAgain() {
    auto caller = TtrpcCaller::Connect(
        AddressIn(*ReadSmallFile(BundleOf("c1") + "/address")));
    EXPECT_TRUE(caller.ok()) << caller.status();
    return caller.ok() ? *std::move(caller) : nullptr;
  }
  // From the loss of its daemon to its end.
  static absl::Duration LoseAndAwaitEnd(std::unique_ptr<TtrpcCaller>& caller,
                                        const ProcessWatch& init) {
    caller.reset();
    const absl::Time lost = absl::Now();
    return init.WaitForEnd(absl::Seconds(20) * kSlowness) - lost;
  }
  // It ended by SIGTERM, not five seconds later by SIGKILL.
  void ExpectItHeeded() {
    EXPECT_TRUE(Eventually([&] { return Facts().exited.has_value(); }));
    EXPECT_EQ(Facts().exited->exit_code(), 4);
  }
  static absl::Status AskForState(TtrpcCaller& caller) {
    task::StateRequest state;
    state.set_id("c1");
    return TaskClient(caller)
        .Call<task::StateResponse>("State", state)
        .status();
  }
  void Remove(TtrpcCaller& caller) {
    TaskClient client(caller);
    task::DeleteRequest request;
    request.set_id("c1");
    EXPECT_TRUE(client.Call<task::DeleteResponse>("Delete", request).ok());
    (void)client.Call<google::protobuf::Empty>("Shutdown",
                                               task::ShutdownRequest());
  }
  // By an event that says what the journal does.
  bool IsToldOfTheEnd() {
    ::containerd::events::TaskExit exit;
    const bool told = events().Await(
        [&](const std::vector<EventsServer::Envelope>& events) {
          for (const auto& event : events) {
            if (event.topic() != "/tasks/exit") continue;
            return exit.ParseFromString(event.event().value());
          }
          return false;
        },
        absl::Seconds(10));
    EXPECT_EQ(exit.container_id(), "c1");
    EXPECT_EQ(exit.id(), "c1");
    const ExecutorFacts facts = Facts();
    if (!told || !facts.exited) return false;
    EXPECT_EQ(exit.pid(), static_cast<uint32_t>(facts.started->pid()));
    EXPECT_EQ(exit.exit_status(),
              facts.exited->has_signal()
                  ? 128U + static_cast<uint32_t>(facts.exited->signal())
                  : static_cast<uint32_t>(facts.exited->exit_code()));
    return true;
  }
};

TEST_F(FenceTest, EndsTheContainerWhenRecoveryTimeoutHasPassed) {
  MakeBundleOf("c1",
               {.annotations = {{"dev.holdfast.recovery_timeout", "2secs"}}});
  std::unique_ptr<TtrpcCaller> caller = StartShim(OurShim(), "c1");
  ASSERT_NE(caller, nullptr);
  // Without a handler of its own an init does not see SIGTERM; SIGKILL is five
  // seconds later.
  const ProcessWatch init(Run(*caller));

  const absl::Duration took = LoseAndAwaitEnd(caller, init);

  EXPECT_GE(took, absl::Seconds(6.5));
  EXPECT_TRUE(Facts().fenced.has_value());
  events().Clear();
  caller = DialAgain();
  ASSERT_NE(caller, nullptr);
  EXPECT_TRUE(IsToldOfTheEnd());
  Remove(*caller);
}

TEST_F(FenceTest, OneThatHeedsSigtermEndsAtOnce) {
  MakeBundleOf("c1",
               {.args = kHeedful,
                .annotations = {{"dev.holdfast.recovery_timeout", "2secs"}}});
  std::unique_ptr<TtrpcCaller> caller = StartShim(OurShim(), "c1");
  ASSERT_NE(caller, nullptr);
  const ProcessWatch init(Run(*caller));

  const absl::Duration took = LoseAndAwaitEnd(caller, init);

  EXPECT_GE(took, absl::Seconds(1.5));
  ExpectItHeeded();
  caller = DialAgain();
  ASSERT_NE(caller, nullptr);
  EXPECT_TRUE(IsToldOfTheEnd());
  Remove(*caller);
}

TEST_F(FenceTest, ADaemonThatComesBackInTimeKeepsIt) {
  MakeBundleOf("c1",
               {.annotations = {{"dev.holdfast.recovery_timeout", "1secs"}}});
  std::unique_ptr<TtrpcCaller> caller = StartShim(OurShim(), "c1");
  ASSERT_NE(caller, nullptr);
  const ProcessWatch init(Run(*caller));

  caller.reset();
  caller = DialAgain();
  ASSERT_NE(caller, nullptr);
  ASSERT_TRUE(AskForState(*caller).ok());

  EXPECT_FALSE(Eventually([&] { return !init.Runs(); }, absl::Seconds(2)));
  EXPECT_FALSE(Facts().fenced.has_value());
  init.Kill(SIGKILL);
  EXPECT_TRUE(IsToldOfTheEnd());
  Remove(*caller);
}

TEST_F(FenceTest, ADaemonThatAsksOverAnotherConnectionKeepsIt) {
  MakeBundleOf("c1",
               {.annotations = {{"dev.holdfast.recovery_timeout", "1secs"}}});
  std::unique_ptr<TtrpcCaller> caller = StartShim(OurShim(), "c1");
  ASSERT_NE(caller, nullptr);
  const ProcessWatch init(Run(*caller));
  const std::unique_ptr<TtrpcCaller> other = DialAgain();
  ASSERT_NE(other, nullptr);
  ASSERT_TRUE(AskForState(*other).ok());

  caller.reset();

  EXPECT_FALSE(Eventually([&] { return !init.Runs(); }, absl::Seconds(2)));
  EXPECT_FALSE(Facts().fenced.has_value());
  init.Kill(SIGKILL);
  EXPECT_TRUE(IsToldOfTheEnd());
  Remove(*other);
}

TEST_F(FenceTest, AConnectionThatAsksForNothingDoesNotKeepIt) {
  MakeBundleOf("c1",
               {.args = kHeedful,
                .annotations = {{"dev.holdfast.recovery_timeout", "2secs"}}});
  std::unique_ptr<TtrpcCaller> caller = StartShim(OurShim(), "c1");
  ASSERT_NE(caller, nullptr);
  const ProcessWatch init(Run(*caller));
  const std::unique_ptr<TtrpcCaller> silent = DialAgain();
  ASSERT_NE(silent, nullptr);

  const absl::Duration took = LoseAndAwaitEnd(caller, init);

  EXPECT_GE(took, absl::Seconds(1.5));
  ExpectItHeeded();
  Remove(*silent);
}

TEST_F(FenceTest, EndsAContainerThatIsPaused) {
  MakeBundleOf("c1",
               {.args = kHeedful,
                .annotations = {{"dev.holdfast.recovery_timeout", "1secs"}}});
  std::unique_ptr<TtrpcCaller> caller = StartShim(OurShim(), "c1");
  ASSERT_NE(caller, nullptr);
  const pid_t pid = Run(*caller);
  AwaitChildOf(pid);
  const ProcessWatch init(pid);
  task::PauseRequest pause;
  pause.set_id("c1");
  ASSERT_TRUE(
      TaskClient(*caller).Call<google::protobuf::Empty>("Pause", pause).ok());

  caller.reset();

  EXPECT_NE(init.WaitForEnd(absl::Seconds(10)), absl::InfiniteFuture());
  ExpectItHeeded();
  caller = DialAgain();
  ASSERT_NE(caller, nullptr);
  Remove(*caller);
}

TEST_F(FenceTest, WithoutCheckpointItEndsWithTheConnection) {
  MakeBundleOf("c1", {.annotations = {{"dev.holdfast.checkpoint", "false"}}});
  std::unique_ptr<TtrpcCaller> caller = StartShim(OurShim(), "c1");
  ASSERT_NE(caller, nullptr);
  const ProcessWatch init(Run(*caller));

  const absl::Duration took = LoseAndAwaitEnd(caller, init);

  EXPECT_GE(took, absl::Seconds(4.5));  // SIGTERM, 5 s, SIGKILL
  caller = DialAgain();
  ASSERT_NE(caller, nullptr);
  EXPECT_TRUE(IsToldOfTheEnd());
  Remove(*caller);
}

// Its daemon is gone before it is made: nothing tells of that later.
TEST_F(FenceTest, CountsFromTheDeathOfADaemonThatWasCreatingIt) {
  MakeBundleOf("c1", {.annotations = {{"dev.holdfast.checkpoint", "false"}}});
  std::unique_ptr<TtrpcCaller> caller = StartShim(OurShim(), "c1");
  ASSERT_NE(caller, nullptr);

  (void)TaskClient(*caller).Begin("Create", Request("c1"));
  EXPECT_TRUE(Eventually([&] { return !Journal().empty(); }));
  caller.reset();

  EXPECT_TRUE(IsToldOfTheEnd());
  caller = DialAgain();
  ASSERT_NE(caller, nullptr);
  Remove(*caller);
}

TEST_F(FenceTest, ABadAnnotationFailsCreateAndLeavesNothing) {
  MakeBundleOf("c1",
               {.annotations = {{"dev.holdfast.recovery_timeout", "soon"}}});
  const std::unique_ptr<TtrpcCaller> caller = StartShim(OurShim(), "c1");
  ASSERT_NE(caller, nullptr);
  TaskClient client(*caller);

  const auto created =
      client.Call<task::CreateTaskResponse>("Create", Request("c1"));

  EXPECT_TRUE(absl::StrContains(created.status().message(),
                                "dev.holdfast.recovery_timeout"))
      << created.status();
  EXPECT_EQ(Journal(), "");
  EXPECT_TRUE(MountsBelow(BundleOf("c1")).empty());
  (void)client.Call<google::protobuf::Empty>("Shutdown",
                                             task::ShutdownRequest());
}

TEST_F(FenceTest, ADaemonThatDialsBeforeItsFormerSelfIsSeenGoneHearsOfTheEnd) {
  MakeBundleOf("c1");
  std::unique_ptr<TtrpcCaller> former = StartShim(OurShim(), "c1");
  ASSERT_NE(former, nullptr);
  const ProcessWatch init(Run(*former));
  init.Kill(SIGKILL);
  ASSERT_TRUE(IsToldOfTheEnd());

  const std::unique_ptr<TtrpcCaller> caller = DialAgain();
  ASSERT_NE(caller, nullptr);
  task::ConnectRequest connect;
  connect.set_id("c1");
  ASSERT_TRUE(
      TaskClient(*caller).Call<task::ConnectResponse>("Connect", connect).ok());
  events().Clear();
  former.reset();

  EXPECT_TRUE(IsToldOfTheEnd());
  Remove(*caller);
}

// `delete` of a task whose shim lives: nobody will ever ask that for anything.
TEST_F(FenceTest, AShimWhoseEndedTaskIsGivenUpLeavesByItself) {
  MakeBundleOf("c1");
  std::unique_ptr<TtrpcCaller> caller = StartShim(OurShim(), "c1");
  ASSERT_NE(caller, nullptr);
  const ProcessWatch init(Run(*caller));
  init.Kill(SIGKILL);
  ASSERT_TRUE(IsToldOfTheEnd());
  ASSERT_EQ(ShimPids().size(), 1U);
  const ProcessWatch shim(ShimPids()[0]);

  caller.reset();
  EXPECT_EQ(RunShim(OurShim(), "c1", "delete").exit_code, 0);

  EXPECT_NE(shim.WaitForEnd(absl::Seconds(15)), absl::InfiniteFuture());
}

TEST_F(FenceTest, AShimThatHungWhenItsTaskWasGivenUpLeavesByItself) {
  MakeBundleOf("c1");
  std::unique_ptr<TtrpcCaller> caller = StartShim(OurShim(), "c1");
  ASSERT_NE(caller, nullptr);
  const ProcessWatch init(Run(*caller));
  ASSERT_EQ(ShimPids().size(), 1U);
  const ProcessWatch shim(ShimPids()[0]);

  shim.Kill(SIGSTOP);
  caller.reset();
  EXPECT_EQ(RunShim(OurShim(), "c1", "delete").exit_code, 0);
  shim.Kill(SIGCONT);

  EXPECT_NE(shim.WaitForEnd(absl::Seconds(15)), absl::InfiniteFuture());
  EXPECT_FALSE(init.Runs());
}

TEST_F(FenceTest, NothingIsLeftOfAShimThatIsKilledAfterItsTaskWasGivenUp) {
  MakeBundleOf("c1");
  std::unique_ptr<TtrpcCaller> caller = StartShim(OurShim(), "c1");
  ASSERT_NE(caller, nullptr);
  (void)Run(*caller);
  ASSERT_EQ(ShimPids().size(), 1U);
  const ProcessWatch shim(ShimPids()[0]);

  shim.Kill(SIGSTOP);
  caller.reset();
  EXPECT_EQ(RunShim(OurShim(), "c1", "delete").exit_code, 0);
  shim.Kill(SIGKILL);

  EXPECT_NE(shim.WaitForEnd(absl::Seconds(15)), absl::InfiniteFuture());
  for (const std::string& file : FilesBelow(holdfast_directory())) {
    ADD_FAILURE() << file;
  }
}

// The second would wait for ever: the first takes the container away.
TEST_F(FenceTest, TwoWhoDeleteItAreBothAnswered) {
  MakeBundleOf("c1");
  const std::unique_ptr<TtrpcCaller> caller = StartShim(OurShim(), "c1");
  ASSERT_NE(caller, nullptr);
  TaskClient client(*caller);
  const ProcessWatch init(Run(*caller));
  init.Kill(SIGKILL);
  ASSERT_TRUE(IsToldOfTheEnd());
  task::DeleteRequest request;
  request.set_id("c1");

  const uint32_t first = client.Begin("Delete", request);
  const uint32_t second = client.Begin("Delete", request);

  EXPECT_TRUE(client.Await<task::DeleteResponse>(first).ok());
  EXPECT_TRUE(
      absl::IsNotFound(client.Await<task::DeleteResponse>(second).status()));
  (void)client.Call<google::protobuf::Empty>("Shutdown",
                                             task::ShutdownRequest());
}

}  // namespace
}  // namespace holdfast::containerd
