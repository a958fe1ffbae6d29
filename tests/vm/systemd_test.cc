// The units of packaging/systemd/ under a real systemd, with pure cgroup v2.
// They stop and start this machine's Holdfast: hack/vm test runs them in one of
// its own.

#include <stdio.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hack/local_agent/client.h"
#include "hack/local_agent/processes.h"
#include "hack/local_agent/update_ledger.h"
#include "hack/local_agent/update_watcher.h"
#include "tests/vm/counters.h"
#include "tests/vm/guest.h"

namespace holdfast::vm {
namespace {

using hack::Client;
using hack::Stub;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int kExecutors = 50;
constexpr int kBareCounters = 5;
constexpr char kFramework[] = "counters";
constexpr char kSocket[] = "/run/holdfast/holdfastd.sock";
constexpr char kGroups[] = "/holdfast.slice/holdfast-executors.service";
constexpr absl::Duration kTimeout = absl::Minutes(2);
// Of a counter, beyond what the machine itself does to a bare loop.
constexpr absl::Duration kMayPause = absl::Milliseconds(300);

// 50 counters, launched once; each test does one thing to the agent's unit and
// looks whether they noticed.
class Systemd : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    // Nothing but the machine that is there to be broken.
    on_vm_ = std::filesystem::exists("/share/root/usr/bin/holdfastd");
    if (!on_vm_) return;
    AssertThat(hack::AdoptOrphans());
    Sh("systemctl start holdfastd.service");
    ledger_ = new hack::UpdateLedger();
    ASSERT_NO_FATAL_FAILURE(Connect());
    v1::RegisterFrameworkRequest request;
    request.mutable_framework()->set_framework_id(kFramework);
    request.mutable_framework()->set_checkpoint(true);
    AssertThat(client_->Call(&Stub::RegisterFramework, request).status());
    Watch();
    for (int i = 0; i < kExecutors; ++i) {
      absl::StatusOr<Counter> counter = LaunchCounter(
          *client_, kFramework, absl::StrFormat("counter-%02d", i));
      ASSERT_TRUE(counter.ok()) << counter.status();
      counters_.push_back(*std::move(counter));
    }
    std::vector<std::string> task_ids;
    for (const Counter& counter : counters_) {
      task_ids.push_back(counter.task_id);
    }
    AssertThat(ledger_->WaitForUpdate(task_ids, kTimeout));
    absl::StatusOr<BareCounters> bare = BareCounters::Start(kBareCounters);
    ASSERT_TRUE(bare.ok()) << bare.status();
    bare_ = new BareCounters(*std::move(bare));
  }

  static void TearDownTestSuite() {
    watcher_.reset();
    client_.reset();
    delete bare_;
    delete ledger_;
  }

  void SetUp() override {
    if (!on_vm_) GTEST_SKIP() << "needs a machine of its own: hack/vm test";
    main_pid_ = Property("holdfastd.service", "MainPID");
    since_ = absl::Now();
  }

  static void AssertThat(const absl::Status& status) {
    ASSERT_TRUE(status.ok()) << status;
  }

  static void Connect() {
    absl::StatusOr<std::unique_ptr<Client>> client =
        Client::Connect(kSocket, kTimeout);
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
  }

  static void Watch() {
    watcher_ =
        std::make_unique<hack::UpdateWatcher>(*client_, *ledger_, kFramework);
  }

  // The agent is another process than before, serves, and has found everyone.
  void AwaitNewAgent() {
    EXPECT_TRUE(Eventually([&] {
      const std::string pid = Property("holdfastd.service", "MainPID");
      return pid != "0" && pid != main_pid_ &&
             Property("holdfastd.service", "ActiveState") == "active";
    }));
    watcher_.reset();
    ASSERT_NO_FATAL_FAILURE(Connect());
    Watch();
    EXPECT_TRUE(Eventually([] { return CountAttached() == kExecutors; }));
    EXPECT_EQ(Property("holdfastd.service", "StatusText"),
              absl::StrCat("serving, ", kExecutors, " executors recovered"));
  }

  static int CountAttached() {
    const auto tasks = client_->Call(&Stub::GetTasks, v1::GetTasksRequest());
    if (!tasks.ok()) return -1;
    int attached = 0;
    for (const v1::Task& task : tasks->tasks()) attached += task.attached();
    return attached;
  }

  void ExpectNobodyNoticed() {
    absl::SleepFor(absl::Seconds(1));  // what comes late would come now
    absl::Duration floor;
    for (const std::string& output : bare_->outputs()) {
      floor = std::max(floor, LongestGap(output, since_));
    }
    absl::Duration longest;
    for (const Counter& counter : counters_) {
      SCOPED_TRACE(counter.task_id);
      EXPECT_TRUE(hack::Runs(counter.executor));
      EXPECT_TRUE(hack::Runs(counter.shim));
      EXPECT_TRUE(IsGapless(counter.output));
      ExpectLimits(counter);
      ExpectUpdatesOnce(counter);
      longest = std::max(longest, LongestGap(counter.output, since_));
    }
    EXPECT_LE(longest, floor + kMayPause);
    std::cout << "longest gap " << longest << "; of a bare loop " << floor
              << "\n";
  }

  static void ExpectLimits(const Counter& counter) {
    const std::string group = CgroupOf(counter.executor.pid);
    EXPECT_EQ(group,
              absl::StrCat(kGroups, "/", counter.container_id, "/executor"));
    EXPECT_EQ(GroupFile(group, "memory.max"), "33554432");
    EXPECT_EQ(GroupFile(group, "pids.max"), "20");
    EXPECT_EQ(CgroupOf(counter.shim.pid),
              absl::StrCat(kGroups, "/", counter.container_id, "/shim"));
  }

  // All were acknowledged before the agent was touched.
  static void ExpectUpdatesOnce(const Counter& counter) {
    const hack::UpdateLedger::Task task = ledger_->Get(counter.task_id);
    EXPECT_EQ(task.updates.size(), 1);
    EXPECT_EQ(task.repeats, 0);
    EXPECT_EQ(task.disorders, 0);
  }

  static inline bool on_vm_ = false;
  static inline hack::UpdateLedger* ledger_ = nullptr;
  static inline BareCounters* bare_ = nullptr;
  static inline std::unique_ptr<Client> client_;
  static inline std::unique_ptr<hack::UpdateWatcher> watcher_;
  static inline std::vector<Counter> counters_;

  std::string main_pid_;
  absl::Time since_;
};

TEST_F(Systemd, FindsNothingOfAnExecutorInTheAgentsGroup) {
  const std::string group = Property("holdfastd.service", "ControlGroup");

  EXPECT_EQ(group, "/system.slice/holdfastd.service");
  EXPECT_EQ(GroupFile(group, "cgroup.procs"), main_pid_);
  EXPECT_EQ(Property("holdfastd.service", "KillMode"), "control-group");
}

TEST_F(Systemd, RestartsTheAgentAndNothingElse) {
  Sh("systemctl restart holdfastd.service");

  ASSERT_NO_FATAL_FAILURE(AwaitNewAgent());
  ExpectNobodyNoticed();
}

TEST_F(Systemd, StopsTheAgentAndNothingElse) {
  Sh("systemctl stop holdfastd.service");

  EXPECT_EQ(Property("holdfastd.service", "ActiveState"), "inactive");
  EXPECT_EQ(Property("holdfastd.service", "Result"), "success");
  absl::SleepFor(absl::Seconds(2));  // they run without it for a while
  Sh("systemctl start holdfastd.service");
  ASSERT_NO_FATAL_FAILURE(AwaitNewAgent());
  ExpectNobodyNoticed();
}

TEST_F(Systemd, BringsAKilledAgentBack) {
  Sh("systemctl kill -s KILL holdfastd.service");

  ASSERT_NO_FATAL_FAILURE(AwaitNewAgent());
  ExpectNobodyNoticed();
}

TEST_F(Systemd, ReloadsWithoutTouchingThem) {
  Sh("systemctl daemon-reload");

  EXPECT_EQ(Property("holdfastd.service", "MainPID"), main_pid_);
  EXPECT_EQ(CountAttached(), kExecutors);
  ExpectNobodyNoticed();
}

TEST_F(Systemd, IsReplacedItselfWithoutTouchingThem) {
  Sh("systemctl daemon-reexec");

  EXPECT_EQ(Property("holdfastd.service", "MainPID"), main_pid_);
  EXPECT_EQ(CountAttached(), kExecutors);
  ExpectNobodyNoticed();
}

TEST_F(Systemd, LeavesTheOthersAloneWhenOneIsOutOfMemory) {
  v1::LaunchTaskRequest request;
  request.set_framework_id(kFramework);
  request.mutable_task()->set_task_id("glutton");
  v1::CommandInfo& command = *request.mutable_task()->mutable_command();
  // The shell itself grows: the kernel takes no other process for it.
  command.set_value("x=0123456789abcdef; while :; do x=$x$x; done");
  command.set_shell(true);
  request.mutable_task()->mutable_resources()->set_memory_bytes(16 << 20);

  AssertThat(client_->Call(&Stub::LaunchTask, request, kTimeout).status());
  AssertThat(ledger_->WaitForEnd({"glutton"}, kTimeout));

  const hack::UpdateLedger::Task task = ledger_->Get("glutton");
  ASSERT_NE(task.terminal(), nullptr);
  EXPECT_EQ(task.terminal()->state(), v1::TASK_FAILED);
  EXPECT_EQ(task.terminal()->reason(), v1::REASON_CONTAINER_LIMITATION_MEMORY);
  EXPECT_TRUE(task.terminal()->oom_killed());
  EXPECT_EQ(Property("holdfast-executors.service", "ActiveState"), "active");
  ExpectNobodyNoticed();
}

// The last one: nothing is left to look at.
TEST_F(Systemd, EndsExecutorsWithTheirSlice) {
  Sh("systemctl stop holdfast.slice");

  std::vector<std::string> task_ids;
  for (const Counter& counter : counters_) task_ids.push_back(counter.task_id);
  AssertThat(ledger_->WaitForEnd(task_ids, kTimeout));
  for (const Counter& counter : counters_) {
    const hack::UpdateLedger::Task task = ledger_->Get(counter.task_id);
    EXPECT_EQ(task.updates.size(), 2) << counter.task_id;
    ASSERT_NE(task.terminal(), nullptr) << counter.task_id;
    EXPECT_EQ(task.terminal()->state(), v1::TASK_FAILED);
    EXPECT_FALSE(hack::Runs(counter.executor)) << counter.task_id;
    EXPECT_FALSE(hack::Runs(counter.shim)) << counter.task_id;
  }
  EXPECT_EQ(Property("holdfastd.service", "MainPID"), main_pid_);
}

}  // namespace
}  // namespace holdfast::vm
