#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/files.h"
#include "plugin/checkpoint/layout.h"
#include "tests/integration/agent_fixture.h"

namespace holdfast {

// Tests that damage a real plugin's files behind its back. What they leave in
// quarantine or without a journal is ended by the plugin itself, in the end.
class DamageTest : public AgentTest {
 protected:
  void SetUp() override;
  void TearDown() override;

  Layout layout() { return {agent().work_dir(), agent().runtime_dir()}; }
  std::string JournalOf(const v1::Task& task) {
    return layout().Journal(task.container_id(), true);
  }

  // A task that runs until it is killed, told and acknowledged.
  v1::Task LaunchSleeper(const std::string& task_id);
  // kill -9, and until the shims of `tasks` have noted it in their journals,
  // so that nothing writes there any more.
  void KillAgentQuietly(const std::vector<v1::Task>& tasks);
  // kill -9 of a task's shim while nobody is there to see.
  void KillShim(const v1::Task& task);
  // Starts with these flags; until every executor is decided on.
  void StartWith(std::vector<std::string> flags);
  // A start that is refused: how it ended.
  std::string StartInVain(std::vector<std::string> flags);
  // What the log of the agent has got since the last call of this.
  std::string NewLog();

  v1::GetAgentResponse Info();
  v1::GetRecoveryResponse Recovery();
  // Container → "DECISION REASON".
  static std::map<std::string, std::string> Decisions(
      const v1::GetRecoveryResponse& report);

  // In place: a living shim keeps its file.
  static void Flip(const std::string& path, size_t at);
  static void Overwrite(const std::string& path, size_t at,
                        const std::string& bytes);
  // Every regular file below `directory`, whole.
  static std::map<std::string, std::string> Snapshot(
      const std::string& directory);

 private:
  size_t log_seen_ = 0;
};

}  // namespace holdfast
