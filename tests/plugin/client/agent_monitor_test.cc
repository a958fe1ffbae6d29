// AgentMonitor against an agent that the test plays: it answers, or it does
// not, and time is moved by hand.
#include "plugin/client/agent_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <functional>

#include "absl/strings/str_cat.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast {
namespace {

using testing::ElementsAre;

constexpr absl::Duration kPatience = absl::Seconds(60);

// Time that the test moves and the monitor's thread reads.
class SharedClock : public Clock {
 public:
  absl::Time Now() const override { return absl::UnixEpoch() + SinceBoot(); }
  absl::Duration SinceBoot() const override {
    MutexLock lock(mutex_);
    return since_boot_;
  }
  void Advance(absl::Duration time) {
    MutexLock lock(mutex_);
    since_boot_ += time;
  }

 private:
  mutable Mutex mutex_;
  absl::Duration since_boot_ ABSL_GUARDED_BY(mutex_) = absl::Hours(1);
};

// An agent with one task. One that is away refuses every call, as fast as a
// dead one's socket does.
class PlayedAgent : public v1::Orchestrator::Service {
 public:
  PlayedAgent() {
    answer_.set_agent_id("agent-1");
    answer_.set_agent_incarnation("life-1");
  }

  void SetAway(bool away) {
    MutexLock lock(mutex_);
    away_ = away;
  }
  void Change(const std::function<void(v1::PingResponse&)>& change) {
    MutexLock lock(mutex_);
    change(answer_);
  }
  int pings() const {
    MutexLock lock(mutex_);
    return pings_;
  }
  std::vector<std::string> shutdowns() const {
    MutexLock lock(mutex_);
    return shutdowns_;
  }

  grpc::Status Ping(grpc::ServerContext*, const v1::PingRequest*,
                    v1::PingResponse* response) override {
    MutexLock lock(mutex_);
    ++pings_;
    if (away_) return Away();
    *response = answer_;
    return grpc::Status::OK;
  }
  grpc::Status GetTasks(grpc::ServerContext*, const v1::GetTasksRequest*,
                        v1::GetTasksResponse* response) override {
    MutexLock lock(mutex_);
    if (away_) return Away();
    response->add_tasks()->set_task_id("task-1");
    return grpc::Status::OK;
  }
  grpc::Status Shutdown(grpc::ServerContext*,
                        const v1::ShutdownRequest* request,
                        v1::ShutdownResponse*) override {
    MutexLock lock(mutex_);
    if (away_) return Away();
    shutdowns_.push_back(
        absl::StrCat(request->agent_id(), ": ", request->message()));
    return grpc::Status::OK;
  }

 private:
  static grpc::Status Away() {
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "away");
  }

  mutable Mutex mutex_;
  bool away_ ABSL_GUARDED_BY(mutex_) = false;
  v1::PingResponse answer_ ABSL_GUARDED_BY(mutex_);
  int pings_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::string> shutdowns_ ABSL_GUARDED_BY(mutex_);
};

class AgentMonitorTest : public testing::Test {
 protected:
  AgentMonitorTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
    builder.RegisterService(&agent_);
    server_ = builder.BuildAndStart();
  }
  ~AgentMonitorTest() override {
    monitor_.reset();
    server_->Shutdown();
  }

  void StartMonitor() {
    monitor_ = std::make_unique<AgentMonitor>(
        address_, grpc::InsecureChannelCredentials(), clock_,
        AgentMonitor::Options{.ping_timeout = absl::Seconds(20),
                              .max_ping_timeouts = 5,
                              .ping_interval = absl::Milliseconds(5)},
        AgentMonitor::Callbacks{
            .readmitted =
                [this](const v1::PingResponse& agent,
                       const std::vector<v1::Task>& tasks) {
                  std::string event =
                      absl::StrCat("readmitted ", agent.agent_incarnation());
                  for (const v1::Task& task : tasks)
                    absl::StrAppend(&event, " ", task.task_id());
                  Note(event);
                },
            .unreachable = [this](absl::Duration) { Note("unreachable"); },
            .shut_down = [this] { Note("shut down"); }});
  }

  void Note(const std::string& event) {
    MutexLock lock(mutex_);
    events_.push_back(event);
    noted_.notify_all();
  }
  // What is called back next; "" when nothing is.
  std::string NextEvent() {
    const auto until =
        std::chrono::steady_clock::now() + absl::ToChronoSeconds(kPatience);
    MutexLock lock(mutex_);
    while (events_.empty()) {
      if (noted_.wait_until(mutex_, until) == std::cv_status::timeout)
        return "";
    }
    std::string event = events_.front();
    events_.pop_front();
    return event;
  }
  bool HasEvents() {
    MutexLock lock(mutex_);
    return !events_.empty();
  }
  // Until some more pings were sent, whatever came of them.
  void AwaitPings(int more = 3) {
    const int enough = agent_.pings() + more;
    const auto until =
        std::chrono::steady_clock::now() + absl::ToChronoSeconds(kPatience);
    while (agent_.pings() < enough) {
      ASSERT_LT(std::chrono::steady_clock::now(), until);
      std::this_thread::yield();
    }
  }

  const TemporaryDirectory directory_;
  const std::string address_ = "unix:" + directory_.path() + "/agent.sock";
  SharedClock clock_;
  PlayedAgent agent_;
  std::unique_ptr<grpc::Server> server_;
  Mutex mutex_;
  std::condition_variable_any noted_;
  std::deque<std::string> events_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<AgentMonitor> monitor_;
};

TEST_F(AgentMonitorTest, BeginsWithTheAgentsTasks) {
  StartMonitor();

  EXPECT_EQ(NextEvent(), "readmitted life-1 task-1");
  EXPECT_EQ(monitor_->state(), LivenessState::kReachable);
  AwaitPings();
  EXPECT_FALSE(HasEvents());
}

TEST_F(AgentMonitorTest, HoldsASilentAgentForUnreachableAndNotBefore) {
  StartMonitor();
  EXPECT_EQ(NextEvent(), "readmitted life-1 task-1");
  agent_.SetAway(true);
  AwaitPings(2);  // the last that was answered is over

  clock_.Advance(absl::Seconds(99));
  AwaitPings();
  EXPECT_EQ(monitor_->state(), LivenessState::kReachable);
  EXPECT_FALSE(HasEvents());

  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(NextEvent(), "unreachable");
  EXPECT_EQ(monitor_->state(), LivenessState::kUnreachable);
}

TEST_F(AgentMonitorTest, ForgetsASilenceThatWasTooShort) {
  StartMonitor();
  EXPECT_EQ(NextEvent(), "readmitted life-1 task-1");

  for (int i = 0; i < 3; ++i) {
    agent_.SetAway(true);
    AwaitPings(2);
    clock_.Advance(absl::Seconds(60));
    AwaitPings(2);
    agent_.SetAway(false);
    AwaitPings(2);
  }

  EXPECT_EQ(monitor_->state(), LivenessState::kReachable);
  EXPECT_FALSE(HasEvents());
}

TEST_F(AgentMonitorTest, ReadmitsAnAgentThatComesBackWithItsTasks) {
  StartMonitor();
  EXPECT_EQ(NextEvent(), "readmitted life-1 task-1");
  agent_.SetAway(true);
  AwaitPings(2);
  clock_.Advance(absl::Seconds(100));
  EXPECT_EQ(NextEvent(), "unreachable");

  agent_.SetAway(false);

  EXPECT_EQ(NextEvent(), "readmitted life-1 task-1");
  EXPECT_EQ(monitor_->state(), LivenessState::kReachable);
}

TEST_F(AgentMonitorTest, AsksAgainForTheTasksOfARestartedAgent) {
  StartMonitor();
  EXPECT_EQ(NextEvent(), "readmitted life-1 task-1");

  agent_.Change(
      [](v1::PingResponse& answer) { answer.set_agent_incarnation("life-2"); });

  EXPECT_EQ(NextEvent(), "readmitted life-2 task-1");
}

TEST_F(AgentMonitorTest, WaitsForTheEndOfARecoveryWithoutLosingTheAgent) {
  agent_.Change([](v1::PingResponse& answer) { answer.set_recovering(true); });
  StartMonitor();
  for (int i = 0; i < 5; ++i) {
    AwaitPings(2);
    clock_.Advance(absl::Seconds(90));
  }
  EXPECT_EQ(monitor_->state(), LivenessState::kJoining);
  EXPECT_FALSE(HasEvents());

  agent_.Change([](v1::PingResponse& answer) { answer.set_recovering(false); });

  EXPECT_EQ(NextEvent(), "readmitted life-1 task-1");
}

TEST_F(AgentMonitorTest, TellsAGivenUpAgentToShutDownWhenItComesBack) {
  StartMonitor();
  EXPECT_EQ(NextEvent(), "readmitted life-1 task-1");
  agent_.SetAway(true);
  AwaitPings(2);
  clock_.Advance(absl::Seconds(100));
  EXPECT_EQ(NextEvent(), "unreachable");
  monitor_->GiveUp("its tasks run elsewhere");
  AwaitPings();
  EXPECT_EQ(monitor_->state(), LivenessState::kGivenUp);

  agent_.SetAway(false);

  EXPECT_EQ(NextEvent(), "shut down");
  EXPECT_EQ(monitor_->state(), LivenessState::kShutDown);
  EXPECT_THAT(agent_.shutdowns(),
              ElementsAre("agent-1: its tasks run elsewhere"));
}

TEST_F(AgentMonitorTest, LeavesAnotherAgentInItsPlaceAlone) {
  StartMonitor();
  EXPECT_EQ(NextEvent(), "readmitted life-1 task-1");
  agent_.SetAway(true);
  AwaitPings(2);
  monitor_->GiveUp("gone");
  agent_.Change([](v1::PingResponse& answer) {
    answer.set_agent_id("agent-2");
    answer.set_agent_incarnation("life-2");
  });

  agent_.SetAway(false);

  EXPECT_EQ(NextEvent(), "shut down");
  EXPECT_THAT(agent_.shutdowns(), testing::IsEmpty());
}

TEST_F(AgentMonitorTest, EndsWhileACallHangs) {
  monitor_ = std::make_unique<AgentMonitor>(
      "unix:" + directory_.path() + "/nobody.sock",
      grpc::InsecureChannelCredentials(), clock_,
      AgentMonitor::Options{.ping_timeout = absl::Hours(1)},
      AgentMonitor::Callbacks{});

  monitor_.reset();  // the test's timeout says whether it returns
}

}  // namespace
}  // namespace holdfast
