#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "hack/local_agent/local_agent.h"
#include "hack/local_agent/update_ledger.h"
#include "hack/local_agent/update_watcher.h"
#include "tests/integration/process_watch.h"
#include "tests/integration/requests.h"
#include "tests/plugin/ctl/ctl_process.h"

namespace holdfast {

// The value, or a failure of the test and an empty one.
template <typename Value>
Value Must(absl::StatusOr<Value> value) {
  if (value.ok()) return *std::move(value);
  ADD_FAILURE() << value.status();
  return Value();
}

// A real holdfastd of the test's own, with real shims and executors, and what
// an orchestrator does with it. In the end everything that was started is
// killed and removed through the API, the agent is stopped, and what is left
// by then fails the test: a process, a cgroup, a file.
class AgentTest : public testing::Test {
 protected:
  using Stub = hack::Stub;

  // `flags`: more of holdfastd's.
  explicit AgentTest(std::vector<std::string> flags = {})
      : flags_(std::move(flags)) {}

  // Where the agent's directory is made; before SetUp().
  void SetParentDirectory(const std::string& path) { parent_dir_ = path; }

  void SetUp() override;
  void TearDown() override;
  // Nothing more is checked or removed by TearDown(): the test has done it.
  void Abandon();

  // kill -9, reaped; streams of updates end with it.
  void KillAgent();
  // Until it serves; watches the frameworks again that were watched.
  void StartAgent();
  // And until it has decided on every executor.
  void RestartAgent();
  void WaitUntilRecovered();
  // Of one that leaves by itself: "exited 0".
  std::string AwaitAgentsEnd();

  hack::LocalAgent& agent() { return *agent_; }
  hack::Client& client() { return agent_->client(); }
  std::string address() const;
  // A path in the agent's directory, which is gone after the test.
  std::string Scratch(const std::string& name) const;
  std::string AgentLog() const;
  v1::GetAgentResponse Info();
  v1::GetRecoveryResponse::Executor DecisionOn(const std::string& container_id);

  void Register(const std::string& framework_id, bool checkpoint = true);
  // From now on every update is noted in `ledger()` and acknowledged.
  void Watch(const std::string& framework_id);
  // Ends that for all frameworks.
  void StopWatching();
  bool IsWatching() const { return !watched_.empty(); }
  hack::UpdateLedger& ledger() { return ledger_; }
  // Until each has told something and all of it is acknowledged.
  void AwaitRunning(const std::vector<std::string>& task_ids);
  // The terminal status, once it is acknowledged.
  v1::TaskStatus AwaitEnd(const std::string& task_id,
                          absl::Duration timeout = absl::Seconds(20));

  v1::Task Launch(const v1::TaskInfo& task,
                  const std::string& framework_id = kFramework);
  // One that only SIGKILL ends, `grace` after SIGTERM; it is deaf by now.
  v1::Task LaunchStubborn(const std::string& task_id, absl::Duration grace,
                          const std::string& framework_id = kFramework);
  absl::StatusOr<v1::LaunchTaskResponse> TryLaunch(
      const v1::TaskInfo& task, const std::string& framework_id = kFramework);
  absl::Status Kill(const std::string& task_id,
                    std::optional<absl::Duration> grace_period = {});
  // Its row, and its updates so far.
  v1::GetTaskResponse Get(const std::string& task_id);
  std::vector<v1::Task> List();
  bool HasEnded(const std::string& task_id);
  void WriteFile(const std::string& path, const std::string& content);

 private:
  void EndEverything();
  void End(const v1::Task& task);
  void Remove(const v1::Task& task);
  void AcknowledgeAll(const v1::Task& task);
  void ExpectNothingLeft();

  const std::vector<std::string> flags_;
  std::string parent_dir_ = "/tmp";
  std::unique_ptr<hack::LocalAgent> agent_;
  hack::UpdateLedger ledger_;
  std::vector<std::string> watched_;
  std::vector<std::unique_ptr<hack::UpdateWatcher>> watchers_;
};

}  // namespace holdfast
