// An orchestrator's monitor and a real agent that is stopped, killed and
// started again.

#include "plugin/client/agent_monitor.h"

#include <signal.h>

#include <condition_variable>
#include <deque>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

class AgentMonitorTest : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    Register(kFramework);
    task_ = Launch(ShellTask("kept", "sleep 1000"));
  }
  void TearDown() override {
    monitor_.reset();
    AgentTest::TearDown();
  }

  // Short enough for a test, and long enough for a busy machine to answer.
  void StartMonitor() {
    monitor_ = std::make_unique<AgentMonitor>(
        address(), grpc::InsecureChannelCredentials(), SystemClock(),
        AgentMonitor::Options{.ping_timeout = absl::Seconds(2),
                              .max_ping_timeouts = 3,
                              .ping_interval = absl::Milliseconds(200),
                              .orchestrator = "test",
                              .framework_id = kFramework},
        AgentMonitor::Callbacks{
            .readmitted =
                [this](const v1::PingResponse& agent,
                       const std::vector<v1::Task>& tasks) {
                  std::string event =
                      absl::StrCat("readmitted ", agent.agent_id());
                  for (const v1::Task& task : tasks)
                    absl::StrAppend(&event, " ", task.task_id(), " as pid ",
                                    task.pid());
                  Note(event);
                },
            .unreachable = [this](absl::Duration) { Note("unreachable"); }});
  }
  void Note(const std::string& event) {
    MutexLock lock(mutex_);
    events_.push_back(event);
  }
  std::string NextEvent() {
    std::string event;
    EXPECT_TRUE(Eventually([&] {
      MutexLock lock(mutex_);
      if (events_.empty()) return false;
      event = events_.front();
      events_.pop_front();
      return true;
    }));
    return event;
  }
  std::string Readmitted() {
    return absl::StrCat("readmitted ", agent_id_, " kept as pid ", task_.pid());
  }

  v1::Task task_;
  std::string agent_id_;
  Mutex mutex_;
  std::deque<std::string> events_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<AgentMonitor> monitor_;
};

TEST_F(AgentMonitorTest, LosesAHungAgentAndReadmitsItWithItsTasks) {
  agent_id_ = Info().agent().agent_id();
  StartMonitor();
  EXPECT_EQ(NextEvent(), Readmitted());

  EXPECT_TRUE(agent().Signal(SIGSTOP).ok());
  EXPECT_EQ(NextEvent(), "unreachable");
  EXPECT_EQ(monitor_->state(), LivenessState::kUnreachable);

  EXPECT_TRUE(agent().Signal(SIGCONT).ok());
  EXPECT_EQ(NextEvent(), Readmitted());
}

TEST_F(AgentMonitorTest, LosesADeadAgentAndReadmitsTheNextWithItsTasks) {
  agent_id_ = Info().agent().agent_id();
  StartMonitor();
  EXPECT_EQ(NextEvent(), Readmitted());

  KillAgent();
  EXPECT_EQ(NextEvent(), "unreachable");

  ASSERT_NO_FATAL_FAILURE(StartAgent());
  EXPECT_EQ(NextEvent(), Readmitted());
  EXPECT_EQ(monitor_->state(), LivenessState::kReachable);
}

TEST_F(AgentMonitorTest, IsAnsweredDuringARecovery) {
  agent_id_ = Info().agent().agent_id();
  const ProcessWatch shim(task_.shim_pid());
  shim.Kill(SIGSTOP);  // a recovery waits for it, for a while

  // A machine that is busy enough may be late for it.
  v1::PingResponse ping;
  for (int attempt = 0; attempt < 5 && !ping.recovering(); ++attempt) {
    KillAgent();
    ASSERT_NO_FATAL_FAILURE(StartAgent());
    ping = Must(client().Call(&Stub::Ping, v1::PingRequest()));
  }

  EXPECT_TRUE(ping.recovering());
  EXPECT_EQ(ping.agent_id(), agent_id_);
  EXPECT_EQ(ping.boot_id(), Info().boot_id());
  EXPECT_TRUE(Eventually([&] {
    return !Must(client().Call(&Stub::Ping, v1::PingRequest())).recovering();
  }));
  shim.Kill(SIGCONT);
  EXPECT_TRUE(Eventually([&] { return Get("kept").task().attached(); }));
  EXPECT_THAT(AgentLog(), HasSubstr("RECOVERING 0/1"));
  EXPECT_THAT(AgentLog(),
              testing::ContainsRegex("recovery is complete executors=1 "
                                     "seconds=[.0-9]+ decided=UNATTACHED:1"));
}

}  // namespace
}  // namespace holdfast
