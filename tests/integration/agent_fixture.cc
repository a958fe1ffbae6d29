#include "tests/integration/agent_fixture.h"

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "api/status_states.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "hack/local_agent/cgroup_sweep.h"
#include "hack/local_agent/processes.h"
#include "tests/fakes/slowness.h"

namespace holdfast {
namespace {

constexpr absl::Duration kStepTimeout = absl::Seconds(20 * kSlowness);

std::vector<std::string> EntriesBelow(const std::string& directory) {
  std::vector<std::string> entries;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(directory, error)) {
    entries.push_back(entry.path().string());
  }
  return entries;
}

}  // namespace

void AgentTest::SetUp() {
  if (geteuid() != 0) GTEST_SKIP() << "makes cgroups, which needs root";
  // The shims of a killed agent are ours to reap where init reaps nobody.
  ASSERT_TRUE(hack::AdoptOrphans().ok());
  agent_ = Must(hack::LocalAgent::Create({.name = "holdfast-test",
                                          .bin_dir = HOLDFAST_BIN_DIR,
                                          .parent_dir = parent_dir_,
                                          .flags = flags_}));
  ASSERT_NE(agent_, nullptr);
  const absl::Status started = agent_->Start();
  ASSERT_TRUE(started.ok()) << started;
}

void AgentTest::TearDown() {
  if (agent_ == nullptr) return;
  agent_->SetFlags({});
  if (agent_->pid() == 0) StartAgent();
  WaitUntilRecovered();
  EndEverything();
  watchers_.clear();
  EXPECT_EQ(Must(agent_->StopGently()), "exited 0") << AgentLog();
  ExpectNothingLeft();
  if (HasFailure()) GTEST_LOG_(INFO) << "the agent's log:\n" << AgentLog();
  const absl::Status swept = agent_->Sweep(/*keep=*/false);
  EXPECT_TRUE(swept.ok()) << swept;
  hack::ReapOrphans();
}

void AgentTest::Abandon() {
  watchers_.clear();
  agent_.reset();
}

void AgentTest::KillAgent() {
  const absl::Status killed = agent_->KillHard();
  ASSERT_TRUE(killed.ok()) << killed;
  for (const auto& watcher : watchers_)
    (void)watcher->WaitUntilBroken();  // it is: the agent is dead
  watchers_.clear();
}

std::string AgentTest::AwaitAgentsEnd() {
  std::string how = Must(agent_->WaitForEnd(kStepTimeout));
  for (const auto& watcher : watchers_) (void)watcher->WaitUntilBroken();
  watchers_.clear();
  return how;
}

void AgentTest::StartAgent() {
  const absl::Status started = agent_->Start();
  ASSERT_TRUE(started.ok()) << started;
  for (const std::string& framework_id : watched_) {
    watchers_.push_back(
        std::make_unique<hack::UpdateWatcher>(client(), ledger_, framework_id));
  }
}

void AgentTest::RestartAgent() {
  if (agent_->pid() != 0) KillAgent();
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  WaitUntilRecovered();
}

void AgentTest::WaitUntilRecovered() {
  const absl::StatusOr<absl::Duration> recovered =
      agent_->WaitUntilRecovered(/*executors=*/0, kStepTimeout);
  EXPECT_TRUE(recovered.ok()) << recovered.status();
}

std::string AgentTest::address() const {
  return absl::StrCat("unix:", agent_->runtime_dir(), "/holdfastd.sock");
}

std::string AgentTest::Scratch(const std::string& name) const {
  return absl::StrCat(agent_->directory(), "/", name);
}

std::string AgentTest::AgentLog() const {
  return Must(ReadSmallFile(agent_->log_path()));
}

v1::GetAgentResponse AgentTest::Info() {
  return Must(client().Call(&Stub::GetAgent, v1::GetAgentRequest()));
}

v1::GetRecoveryResponse::Executor AgentTest::DecisionOn(
    const std::string& container_id) {
  const v1::GetRecoveryResponse recovery =
      Must(client().Call(&Stub::GetRecovery, v1::GetRecoveryRequest()));
  for (const auto& executor : recovery.executors()) {
    if (executor.container_id() == container_id) return executor;
  }
  ADD_FAILURE() << "container " << container_id << " was not recovered";
  return {};
}

void AgentTest::Register(const std::string& framework_id, bool checkpoint) {
  v1::RegisterFrameworkRequest request;
  request.mutable_framework()->set_framework_id(framework_id);
  request.mutable_framework()->set_checkpoint(checkpoint);
  Must(client().Call(&Stub::RegisterFramework, request));
}

void AgentTest::Watch(const std::string& framework_id) {
  watched_.push_back(framework_id);
  watchers_.push_back(
      std::make_unique<hack::UpdateWatcher>(client(), ledger_, framework_id));
}

void AgentTest::StopWatching() {
  watchers_.clear();
  watched_.clear();
}

void AgentTest::AwaitRunning(const std::vector<std::string>& task_ids) {
  const absl::Status running = ledger_.WaitForUpdate(task_ids, kStepTimeout);
  EXPECT_TRUE(running.ok()) << running;
}

v1::TaskStatus AgentTest::AwaitEnd(const std::string& task_id,
                                   absl::Duration timeout) {
  const absl::Status ended = ledger_.WaitForEnd({task_id}, timeout * kSlowness);
  EXPECT_TRUE(ended.ok()) << ended;
  const hack::UpdateLedger::Task task = ledger_.Get(task_id);
  return task.terminal() == nullptr ? v1::TaskStatus() : *task.terminal();
}

absl::StatusOr<v1::LaunchTaskResponse> AgentTest::TryLaunch(
    const v1::TaskInfo& task, const std::string& framework_id) {
  return client().Call(&Stub::LaunchTask, LaunchOf(task, framework_id));
}

v1::Task AgentTest::Launch(const v1::TaskInfo& task,
                           const std::string& framework_id) {
  return Must(TryLaunch(task, framework_id)).task();
}

v1::Task AgentTest::LaunchStubborn(const std::string& task_id,
                                   absl::Duration grace,
                                   const std::string& framework_id) {
  const std::string deaf = Scratch(task_id + "-is-deaf");
  const v1::TaskInfo task =
      ShellTask(task_id, absl::StrCat("trap '' TERM; touch ", deaf,
                                      "; while :; do sleep 0.01; done"));
  const v1::Task launched = Launch(WithGrace(task, grace), framework_id);
  EXPECT_TRUE(Eventually([&] { return access(deaf.c_str(), F_OK) == 0; }));
  return launched;
}

absl::Status AgentTest::Kill(const std::string& task_id,
                             std::optional<absl::Duration> grace_period) {
  v1::KillTaskRequest request;
  request.set_framework_id(kFramework);
  request.set_task_id(task_id);
  if (grace_period) *request.mutable_grace_period() = ToProto(*grace_period);
  return client().Call(&Stub::KillTask, request).status();
}

v1::GetTaskResponse AgentTest::Get(const std::string& task_id) {
  v1::GetTaskRequest request;
  request.set_task_id(task_id);
  return Must(client().Call(&Stub::GetTask, request));
}

std::vector<v1::Task> AgentTest::List() {
  v1::GetTasksRequest request;
  request.set_include_ended(true);
  const auto response = Must(client().Call(&Stub::GetTasks, request));
  return {response.tasks().begin(), response.tasks().end()};
}

bool AgentTest::HasEnded(const std::string& task_id) {
  return IsTerminal(Get(task_id).task().state());
}

void AgentTest::WriteFile(const std::string& path, const std::string& content) {
  std::ofstream file(path);
  file << content;
  file.close();
  EXPECT_TRUE(file.good()) << path;
}

void AgentTest::EndEverything() {
  const std::vector<v1::Task> before = List();
  for (const v1::Task& task : before) End(task);
  for (const v1::Task& task : List()) AcknowledgeAll(task);
  for (const v1::Task& task : List()) Remove(task);
}

void AgentTest::End(const v1::Task& task) {
  if (!IsTerminal(task.state())) {
    v1::KillTaskRequest request;
    request.set_framework_id(task.framework_id());
    request.set_task_id(task.task_id());
    *request.mutable_grace_period() = ToProto(absl::ZeroDuration());
    Must(client().Call(&Stub::KillTask, request));
    EXPECT_TRUE(Eventually([&] { return HasEnded(task.task_id()); }));
  }
}

void AgentTest::AcknowledgeAll(const v1::Task& task) {
  const v1::GetTaskResponse known = Get(task.task_id());
  for (const std::string& uuid : known.unacknowledged_uuids()) {
    v1::AcknowledgeUpdateRequest request;
    request.set_framework_id(task.framework_id());
    request.set_task_id(task.task_id());
    request.set_uuid(uuid);
    Must(client().Call(&Stub::AcknowledgeUpdate, request));
  }
}

void AgentTest::Remove(const v1::Task& task) {
  v1::RemoveTaskRequest request;
  request.set_framework_id(task.framework_id());
  request.set_task_id(task.task_id());
  absl::Status removed;
  EXPECT_TRUE(Eventually([&] {
    removed = client().Call(&Stub::RemoveTask, request).status();
    // A custom executor goes with all of its tasks.
    return removed.ok() || absl::IsNotFound(removed);
  })) << removed;
}

void AgentTest::ExpectNothingLeft() {
  // Shims end by themselves once their executors' last facts are durable.
  const auto all_gone = [&] {
    hack::ReapOrphans();
    return hack::ProcessesNaming(agent_->directory()).empty() &&
           hack::ProcessesBelow(agent_->cgroups_root()).empty();
  };
  EXPECT_TRUE(Eventually(all_gone))
      << testing::PrintToString(hack::ProcessesNaming(agent_->directory()));
  EXPECT_THAT(hack::CgroupDirectories(agent_->cgroups_root()),
              testing::IsEmpty());
  EXPECT_THAT(EntriesBelow(agent_->work_dir() + "/executors"),
              testing::IsEmpty());
  EXPECT_THAT(EntriesBelow(agent_->work_dir() + "/quarantine"),
              testing::IsEmpty());
  EXPECT_THAT(EntriesBelow(agent_->runtime_dir() + "/shims"),
              testing::IsEmpty());
  EXPECT_THAT(EntriesBelow(agent_->runtime_dir() + "/executors"),
              testing::IsEmpty());
}

}  // namespace holdfast
